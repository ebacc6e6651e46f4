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
  const text = (value) => {
    const node = document.createElement("span");
    node.textContent = value === null || value === undefined ? "" : String(value);
    node.title = node.textContent;
    return node;
  };
  const utc = (seconds) => (seconds === null ? "" : new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " "));
  const grouped = (number) => (number === null ? "" : number.toLocaleString("en-US"));
  const plain = (cell) => text(cell.getValue());
  const time = (cell) => text(utc(cell.getValue()));
  const number = (cell) => text(grouped(cell.getValue()));
  const state = (cell) => {
    const node = text(cell.getValue());
    node.className = `state ${cell.getData().state}`;
    return node;
  };

  const contains = (typed, value, shown) => shown(value).toLowerCase().includes(typed.trim().toLowerCase());
  const atLeast = (typed, value) => value !== null && value >= Number(typed.replaceAll(",", ""));
  const word = { formatter: plain, headerFilter: "input", headerFilterPlaceholder: "contains" };
  const moment = {
    formatter: time, width: 150, sorter: "number", headerFilter: "input", headerFilterPlaceholder: "date",
    headerFilterFunc: (typed, value) => contains(typed, value, utc),
  };
  const amount = {
    formatter: number, hozAlign: "right", headerHozAlign: "right", sorter: "number", width: 96,
    headerFilter: "input", headerFilterPlaceholder: "at least", headerFilterFunc: atLeast,
  };

  // Returns a formatter that shows when DNS queries were logged, and matches, on one scale for all hosts.
  const logging = (rows) => {
    const ends = rows.flatMap((row) => [row.dns_first, row.dns_last]).filter((end) => end !== null).sort((a, b) => a - b);
    const [from, to] = [ends[0], ends[ends.length - 1]];
    const share = (seconds) => Math.min(100, Math.max(0, (100 * (seconds - from)) / Math.max(to - from, day)));
    return (cell) => {
      const row = cell.getData();
      if (row.dns_first === null) return text("");
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
    data, columns, layout: "fitColumns", maxHeight: "540px", rowHeight: 31, movableColumns: false, index: "id",
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

  const showHosts = (rows, showMatches) => {
    const table = grid("hosts-grid", rows, [
      { title: "Host", field: "host", ...word, widthGrow: 3, minWidth: 190 },
      { title: "Verdict", field: "verdict", ...word, formatter: state, widthGrow: 2, minWidth: 170 },
      { title: "Risk", field: "risk", ...amount, width: 78 },
      { title: "Matches", field: "matches", ...amount },
      { title: "First match (UTC)", field: "first", ...moment },
      { title: "DNS queries", field: "dns_queries", ...amount, width: 118 },
      { title: "DNS logging", field: "dns_first", formatter: logging(rows), widthGrow: 2, minWidth: 120, sorter: "number" },
      { title: "Last DNS query (UTC)", field: "dns_last", ...moment, width: 186 },
      { title: "Evidence", field: "evidence", ...word, widthGrow: 2, minWidth: 110 },
    ], { placeholder: "No host is as the filters want it" });
    table.on("rowClick", (event, row) => { if (row.getData().matches > 0) showMatches(row.getData().host); });
    buttons(find("hosts-filters"), table, rows, [
      ["All", null],
      ["With matches", (row) => row.state === "matches"],
      ["Not cleared", (row) => row.state === "unknown"],
      ["Cleared", (row) => row.state === "cleared"],
    ]);
    counter(find("hosts-filters"), table, "hosts");
    return table;
  };

  const showMatches = (rows) => {
    for (const row of rows) row.last = row.length === null ? null : row.first + row.length;
    const several = new Set(rows.map((row) => row.detection)).size > 1;
    const inTime = rows.toSorted((one, other) => (one.first ?? Infinity) - (other.first ?? Infinity));
    const table = grid("matches-grid", inTime, [
      { title: "First (UTC)", field: "first", ...moment },
      { title: "Last (UTC)", field: "last", ...moment },
      { title: "Times", field: "count", ...amount, width: 82 },
      { title: "Host", field: "host", ...word, widthGrow: 2, minWidth: 180 },
      { title: "Program", field: "image", ...word, widthGrow: 3, minWidth: 300 },
      { title: "Asked for", field: "name", ...word, widthGrow: 2, minWidth: 170 },
      { title: "Pattern", field: "pattern", ...word, minWidth: 110 },
      { title: "Answer", field: "answers", ...word, widthGrow: 2, minWidth: 150 },
      { title: "Account", field: "user", ...word, minWidth: 120 },
      ...(several ? [{ title: "Detection", field: "detection", ...word, widthGrow: 2 }] : []),
      ...(rows.some((row) => row.doubt) ? [{ title: "Doubt", field: "doubt", ...word, minWidth: 120 }] : []),
      { title: "Place of the first in the evidence", field: "evidence", ...word, widthGrow: 2, minWidth: 300 },
      { title: "Byte", field: "offset", ...amount },
    ], { placeholder: "No match is as the filters want it" });
    const clear = document.createElement("button");
    clear.type = "button";
    clear.textContent = "Clear filters";
    clear.addEventListener("click", () => table.clearHeaderFilter());
    find("matches-filters").append(clear);
    counter(find("matches-filters"), table, "rows");
    return table;
  };

  const show = async () => {
    if (typeof DecompressionStream === "undefined" || typeof Tabulator === "undefined") return;
    const [hosts, matches] = await Promise.all([unpack("hosts-data"), unpack("matches-data")]);
    const built = [];
    let found = null;
    if (matches.length > 0) {
      find("matches-search").hidden = false;
      found = showMatches(matches);
      built.push(found);
    }
    if (hosts.length > 0) {
      find("hosts-filters").hidden = false;
      find("hosts-grid").hidden = false;
      built.push(showHosts(hosts, (host) => {
        if (!found) return;
        found.clearHeaderFilter();
        found.setHeaderFilterValue("host", host);
        find("matches").scrollIntoView();
      }));
      document.documentElement.classList.add("js");
    }
    await Promise.all(built.map((table) => new Promise((done) => { table.on("tableBuilt", done); })));
    document.documentElement.dataset.ready = "yes";
  };
  show().catch(() => document.documentElement.classList.remove("js"));
})();
