"use strict";
// Makes grids of the tables of hosts and matches. Without this script, the page shows tables.
(() => {
  const find = (id) => document.getElementById(id);
  const day = 86400;

  // Returns the rows that are packed in the element with this id: JSON of columns, deflated, in base64.
  const unpack = async (id) => {
    const packed = atob(find(id).textContent);
    const bytes = new Uint8Array(packed.length);
    for (let place = 0; place < packed.length; place += 1) bytes[place] = packed.charCodeAt(place);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const { rows, columns } = JSON.parse(await new Response(stream).text());
    const table = Array.from({ length: rows }, (_, place) => ({ id: place }));
    for (const [name, { places, texts, steps }] of Object.entries(columns)) {
      let number = 0;
      for (let row = 0; row < rows; row += 1) {
        if (texts) table[row][name] = texts[places[row]];
        else if (steps[row] === null) table[row][name] = null;
        else table[row][name] = number += steps[row];
      }
    }
    return table;
  };

  // Cells are nodes, never strings, because Tabulator would read strings as markup.
  const made = (kind, className, ...children) => {
    const node = document.createElement(kind);
    if (className) node.className = className;
    node.append(...children);
    return node;
  };
  const text = (value) => made("span", "", value === null || value === undefined ? "" : String(value));
  // Long names and paths may break after their separators.
  const breakable = (value) => value.split(/(?<=[\\/.@_%;:])/).flatMap((part) => [part, document.createElement("wbr")]);
  const lines = (...all) => made("div", "", ...all.filter(([line]) => line).map(([line, name]) => made("div", name, ...breakable(line))));
  const utc = (seconds) => (seconds === null ? "" : new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " "));
  const digits = new Intl.NumberFormat("en-US");
  const grouped = (number) => (number === null ? "" : digits.format(number));
  const number = (cell) => text(grouped(cell.getValue()));
  const state = (row) => made("span", `state ${row.state}`, row.verdict);

  // What each list shows of a row, in words, by which it is searched.
  const times = (row) => [utc(row.first), row.last === row.first ? "" : utc(row.last)];
  const file = (path) => path.split("\\").pop();
  const place = (row) => `${row.record === null ? "" : `record ${row.record}, `}byte ${row.offset}`;
  const names = (row, several) => [row.name, row.pattern ? `by ${row.pattern}` : "", several ? row.detection : ""];
  const answers = (row) => [row.answers, row.answer_pattern ? `by ${row.answer_pattern}` : ""];
  const contains = (words) => (typed, value, row) => words(row).join("\n").toLowerCase().includes(typed.trim().toLowerCase());
  const atLeast = (typed, value) => value !== null && value >= Number(typed.replaceAll(",", ""));
  const word = (field, words = (row) => [row[field]]) => ({
    field, headerFilter: "input", headerFilterPlaceholder: "contains", headerFilterFunc: contains(words),
    formatter: (cell) => lines(...words(cell.getData()).map((line) => [line])),
  });
  const moment = (field, words = (row) => [utc(row[field])]) => ({
    ...word(field, words), sorter: "number", headerFilterPlaceholder: "date", cssClass: "time",
  });
  const amount = (field) => ({
    field, formatter: number, hozAlign: "right", headerHozAlign: "right", sorter: "number",
    headerFilter: "input", headerFilterPlaceholder: "at least", headerFilterFunc: atLeast,
  });
  // On a narrow page, a row is a card: names with values, and one search for all of them.
  const cards = (field, title, entries) => [{
    title, field, headerSort: false, headerFilter: "input", headerFilterPlaceholder: "contains, in any value",
    headerFilterFunc: (typed, value, row) => {
      // Made at the first search and kept, because making it takes longer than searching it.
      row.words ??= entries(row).map(([, words]) => words).join("\n").toLowerCase();
      return row.words.includes(typed.trim().toLowerCase());
    },
    formatter: (cell) => {
      const known = entries(cell.getData()).filter(([, value]) => value);
      return made("div", "entry", ...known.map(([name, value, node]) => made("div", "", made("span", "name", name), made("span", "", ...(node ? [node()] : breakable(value))))));
    },
  }];

  // Returns a formatter that shows when DNS queries were logged, and matches, on one scale for all hosts.
  const logging = (rows) => {
    const ends = rows.flatMap((row) => [row.dns_first, row.dns_last]).filter((end) => end !== null).sort((a, b) => a - b);
    const [from, to] = [ends[0], ends[ends.length - 1]];
    const share = (seconds) => Math.min(100, Math.max(0, (100 * (seconds - from)) / Math.max(to - from, day)));
    return (cell) => {
      const row = cell.getData();
      if (row.dns_first === null) return text("none");
      const bar = document.createElement("span");
      bar.className = "bar";
      bar.title = `DNS queries from ${utc(row.dns_first)} to ${utc(row.dns_last)} UTC`;
      const part = (first, last, name) => {
        const piece = document.createElement("i");
        piece.className = name;
        piece.style.left = `${share(first)}%`;
        piece.style.width = `${share(last) - share(first)}%`;
        bar.append(piece);
      };
      part(row.dns_first, row.dns_last, "");
      if (row.first !== null) part(row.first, row.last, "match");
      return bar;
    };
  };

  const grid = (id, data, columns, options) => new Tabulator(find(id), {
    data, columns, layout: "fitColumns", maxHeight: "620px", movableColumns: false, index: "id",
    headerFilterLiveFilterDelay: 250, columnDefaults: { headerSortTristate: true, minWidth: 70, tooltip: false, resizable: "header" },
    ...options,
  });

  // Adds buttons that each show a part of the hosts, and the number of rows that are shown.
  const buttons = (place, table, rows, parts) => {
    const all = parts.map(([label, keeps]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = keeps ? `${label} (${grouped(rows.filter(keeps).length)})` : `${label} (${grouped(rows.length)})`;
      button.setAttribute("aria-pressed", String(!keeps));
      button.addEventListener("click", () => {
        if (keeps) table.setFilter(keeps); else table.clearFilter();
        all.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
      });
      return button;
    });
    place.append(...all);
  };
  const counter = (place, table, what) => {
    const node = document.createElement("span");
    node.className = "count";
    node.setAttribute("role", "status");
    place.append(node);
    table.on("dataFiltered", (filters, rows) => { node.textContent = `${grouped(rows.length)} ${what} shown`; });
  };

  const showHosts = (rows, wide, showMatches) => {
    const name = (row) => {
      if (row.matches === 0) return made("strong", "", row.host);
      const link = made("button", "link", row.host);
      link.type = "button";
      link.title = "Show the matches of this host";
      link.addEventListener("click", () => showMatches(row.host));
      return link;
    };
    const bar = logging(rows);
    const columns = wide ? [
      { title: "Host", ...word("host"), formatter: (cell) => name(cell.getData()), widthGrow: 3, minWidth: 180 },
      { title: "Verdict", ...word("verdict"), formatter: (cell) => state(cell.getData()), widthGrow: 2, minWidth: 150 },
      { title: "Risk", ...amount("risk"), width: 74 },
      { title: "Matches", ...amount("matches"), width: 96 },
      { title: "First match (UTC)", ...moment("first"), width: 156 },
      { title: "DNS queries", ...amount("dns_queries"), width: 112 },
      { title: "Logging", field: "dns_first", formatter: bar, sorter: "number", widthGrow: 1, minWidth: 110 },
      { title: "Last DNS query", ...moment("dns_last"), width: 156 },
      { title: "Evidence", ...word("evidence"), widthGrow: 1, minWidth: 100 },
    ] : cards("host", "Hosts", (row) => [
      ["Host", row.host, () => name(row)],
      ["Verdict", row.verdict, () => state(row)],
      ["Risk", grouped(row.risk)],
      ["Matches", row.matches ? `${grouped(row.matches)}, first ${utc(row.first)}` : ""],
      ["DNS queries", row.dns_queries ? `${grouped(row.dns_queries)}, ${utc(row.dns_first)} to ${utc(row.dns_last)}` : "none seen"],
      ["Evidence", row.evidence],
    ]);
    const table = grid("hosts-grid", rows, columns, { placeholder: "No host is as the filters want it" });
    find("hosts-filters").replaceChildren();
    buttons(find("hosts-filters"), table, rows, [
      ["All", null],
      ["With matches", (row) => row.state === "matches"],
      ["Not cleared", (row) => row.state === "unknown"],
      ["Cleared", (row) => row.state === "cleared"],
    ]);
    counter(find("hosts-filters"), table, "hosts");
    return table;
  };

  const showMatches = (rows, wide) => {
    const several = new Set(rows.map((row) => row.detection)).size > 1;
    const note = (row) => (row.doubt ? `Note: ${row.doubt}` : "");
    const columns = wide ? [
      { title: "First and last (UTC)", ...moment("first", times), width: 158 },
      { title: "Times", ...amount("count"), width: 78 },
      { title: "Host", ...word("host"), widthGrow: 2, minWidth: 130 },
      {
        title: "Program", ...word("image"), widthGrow: 4, minWidth: 190,
        formatter: (cell) => {
          const path = cell.getValue();
          return file(path) === path ? lines([path]) : lines([file(path)], [path, "code"]);
        },
      },
      { title: "Asked for", ...word("name", (row) => names(row, several)), widthGrow: 3, minWidth: 150 },
      {
        title: "Answer, and notes", ...word("answers", (row) => [...answers(row), note(row)]), widthGrow: 3, minWidth: 150,
        formatter: (cell) => lines(...answers(cell.getData()).map((line) => [line]), [note(cell.getData()), "note"]),
      },
      { title: "Account", ...word("user"), widthGrow: 1, minWidth: 104 },
      { title: "Record of the first", ...word("evidence", (row) => [place(row), row.evidence]), widthGrow: 4, minWidth: 190 },
    ] : cards("name", "Matches", (row) => [
      ["Asked for", names(row, several).filter(Boolean).join(", ")],
      ["Host", row.host],
      ["Program", row.image],
      ["First and last", times(row).filter(Boolean).join(" to ")],
      ["Times", grouped(row.count)],
      ["Answer", answers(row).filter(Boolean).join(", ")],
      ["Note", row.doubt],
      ["Account", row.user],
      ["Record", `${place(row)} of ${row.evidence}`],
    ]);
    const table = grid("matches-grid", rows, columns, { placeholder: "No match is as the filters want it" });
    const clear = made("button", "", "Clear filters");
    clear.type = "button";
    clear.addEventListener("click", () => table.clearHeaderFilter());
    find("matches-filters").replaceChildren(clear);
    counter(find("matches-filters"), table, "rows");
    return table;
  };

  const show = async () => {
    if (typeof DecompressionStream === "undefined" || typeof Tabulator === "undefined") return;
    const [hosts, matches] = await Promise.all([unpack("hosts-data"), unpack("matches-data")]);
    for (const row of matches) row.last = row.length === null ? null : row.first + row.length;
    matches.sort((one, other) => (one.first ?? Infinity) - (other.first ?? Infinity));
    matches.forEach((row, place) => { row.id = place; });
    const width = window.matchMedia("(min-width: 1270px)");
    let tables = [];
    const build = () => {
      tables.forEach((table) => table.destroy());
      const found = matches.length > 0 ? showMatches(matches, width.matches) : null;
      const showOf = (host) => {
        if (!found) return;
        found.clearHeaderFilter();
        found.setHeaderFilterValue(width.matches ? "host" : "name", host);
        find("matches").scrollIntoView();
      };
      const known = hosts.length > 0 ? showHosts(hosts, width.matches, showOf) : null;
      tables = [found, known].filter(Boolean);
    };
    find("matches-search").hidden = matches.length === 0;
    for (const id of ["hosts-filters", "hosts-grid"]) find(id).hidden = hosts.length === 0;
    if (hosts.length > 0) document.documentElement.classList.add("js");
    build();
    width.addEventListener("change", build);
    await Promise.all(tables.map((table) => new Promise((done) => { table.on("tableBuilt", done); })));
    document.documentElement.dataset.ready = "yes";
  };
  show().catch(() => document.documentElement.classList.remove("js"));
})();
