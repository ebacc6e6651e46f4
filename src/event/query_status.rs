//! The names of the result codes of DNS queries. Sysmon logs only the code, not the name.

mod dns;
mod system;
mod winsock;

use self::dns::DNS;
use self::system::SYSTEM;
use self::winsock::WINSOCK;

/// A Windows error code and its symbol, such as 9003 and `DNS_ERROR_RCODE_NAME_ERROR`.
type ErrorSymbol = (u32, &'static str);

/// The least code in Windows' range of DNS errors. Lower codes are system errors.
const FIRST_OF_DNS: u32 = 9000;
/// The least code in Windows' range of socket errors. The range of DNS errors ends before it.
const FIRST_OF_WINSOCK: u32 = 10_000;

/// The upper 16 bits of an HRESULT that contains a Windows error code in its lower 16 bits:
/// severity and facility (`FACILITY_WIN32`).
const HRESULT_OF_CODE: u32 = 0x8007;

/// Returns Windows' symbol for a `QueryStatus`, as in its header files:
/// `DNS_ERROR_RCODE_NAME_ERROR` for `9003`. `None` if the text is not a code, or the code is not
/// known.
///
/// The code may be written in decimal or hexadecimal, or as a signed or unsigned HRESULT. All forms
/// of a code give the same symbol.
#[must_use]
pub fn query_status_name(status: &str) -> Option<&'static str> {
    let code = code_of(status.trim_ascii())?;
    let table: &[ErrorSymbol] = match code {
        0..FIRST_OF_DNS => &SYSTEM,
        FIRST_OF_DNS..FIRST_OF_WINSOCK => &DNS,
        FIRST_OF_WINSOCK.. => &WINSOCK,
    };
    let place = table.binary_search_by_key(&code, |(code, _)| *code).ok()?;
    table.get(place).map(|(_, name)| *name)
}

/// Returns the Windows error code that a text states in decimal or hexadecimal, or as an HRESULT.
/// `None` if the text is not such a number.
fn code_of(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let number = match digits {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()?
        }
        Some(_) => return None,
        // A negative number is a code with its highest bit set.
        None => text.parse().ok().or_else(|| text.parse().ok().map(i32::cast_unsigned))?,
    };
    Some(if number >> 16 == HRESULT_OF_CODE { number & 0xffff } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_no_code_or_name_is_there_twice() {
        let all: Vec<ErrorSymbol> = [&SYSTEM[..], &DNS, &WINSOCK].concat();
        assert!(all.is_sorted_by(|(left, _), (right, _)| left < right));
        let mut names: Vec<&str> = all.iter().map(|(_, name)| *name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        for (table, first, next) in [
            (&SYSTEM[..], 0, FIRST_OF_DNS),
            (&DNS, FIRST_OF_DNS, FIRST_OF_WINSOCK),
            (&WINSOCK, FIRST_OF_WINSOCK, 12_000),
        ] {
            assert!(table.iter().all(|(code, _)| (first..next).contains(code)));
        }
    }

    /// The expected error codes and symbols are copied from `winerror.h` and `winsock2.h`.
    #[test]
    fn codes_have_the_symbols_of_windows() {
        for (code, name) in [
            ("0", "ERROR_SUCCESS"),
            ("2", "ERROR_FILE_NOT_FOUND"),
            ("5", "ERROR_ACCESS_DENIED"),
            ("8", "ERROR_NOT_ENOUGH_MEMORY"),
            ("13", "ERROR_INVALID_DATA"),
            ("14", "ERROR_OUTOFMEMORY"),
            ("87", "ERROR_INVALID_PARAMETER"),
            ("123", "ERROR_INVALID_NAME"),
            ("232", "ERROR_NO_DATA"),
            ("258", "WAIT_TIMEOUT"),
            ("1168", "ERROR_NOT_FOUND"),
            ("1214", "ERROR_INVALID_NETNAME"),
            ("1223", "ERROR_CANCELLED"),
            ("1231", "ERROR_NETWORK_UNREACHABLE"),
            ("1232", "ERROR_HOST_UNREACHABLE"),
            ("1236", "ERROR_CONNECTION_ABORTED"),
            ("1460", "ERROR_TIMEOUT"),
            ("1722", "RPC_S_SERVER_UNAVAILABLE"),
            ("4312", "ERROR_OBJECT_NOT_FOUND"),
            ("9001", "DNS_ERROR_RCODE_FORMAT_ERROR"),
            ("9002", "DNS_ERROR_RCODE_SERVER_FAILURE"),
            ("9003", "DNS_ERROR_RCODE_NAME_ERROR"),
            ("9018", "DNS_ERROR_RCODE_BADTIME"),
            ("9501", "DNS_INFO_NO_RECORDS"),
            ("9502", "DNS_ERROR_BAD_PACKET"),
            ("9506", "DNS_REQUEST_PENDING"),
            ("9560", "DNS_ERROR_INVALID_NAME_CHAR"),
            ("9573", "DNS_ERROR_ADDRESS_REQUIRED"),
            ("9701", "DNS_ERROR_RECORD_DOES_NOT_EXIST"),
            ("9714", "DNS_ERROR_NAME_DOES_NOT_EXIST"),
            ("9715", "DNS_WARNING_PTR_CREATE_FAILED"),
            ("9801", "DNS_STATUS_CONTINUE_NEEDED"),
            ("9852", "DNS_ERROR_NO_DNS_SERVERS"),
            ("9996", "DNS_ERROR_POLICY_INVALID_CRITERIA_TIME_OF_DAY"),
            ("10054", "WSAECONNRESET"),
            ("10055", "WSAENOBUFS"),
            ("10060", "WSAETIMEDOUT"),
            ("11001", "WSAHOST_NOT_FOUND"),
            ("11004", "WSANO_DATA"),
            ("11031", "WSA_QOS_RESERVED_PETYPE"),
        ] {
            assert_eq!(query_status_name(code), Some(name), "{code}");
        }
    }

    #[test]
    fn a_code_has_one_name_however_it_is_written() {
        // HRESULT_FROM_WIN32(9003) is 0x8007232B.
        for text in ["9003", " 9003\r\n", "0x232b", "0X232B", "2147951403", "-2147015893", "0x8007232B"] {
            assert_eq!(query_status_name(text), Some("DNS_ERROR_RCODE_NAME_ERROR"), "{text}");
        }
        for text in
            ["", "-", "Success", "9000", "9100", "12345", "-1", "0x", "0x+1", "9003 x", "4294967296", "9 003"]
        {
            assert_eq!(query_status_name(text), None, "{text}");
        }
    }
}
