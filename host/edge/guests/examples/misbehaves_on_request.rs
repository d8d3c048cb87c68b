//! Does what the path says: loops, takes memory, traps, prints, or builds too many headers. Answers `ok` otherwise.

use weir_edge_guests::{ErrorCode, Fields, Guest, Request, Response, path_of, sleep_ms, spawn, streaming, text};

struct Program;
weir_edge_guests::bindings::export!(Program);

impl Guest for Program {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        match path_of(&request).as_str() {
            "/loop" => loop {
                std::hint::black_box(0);
            },
            "/compute" => {
                // A long but allowed computation.
                let sum = (0..60_000_000_u64).fold(0, |sum, i| std::hint::black_box(sum ^ i));
                Ok(text(200, sum.to_string()))
            }
            "/allocate" => {
                let mut held = Vec::new();
                for _ in 0..4096 {
                    held.push(vec![1_u8; 1 << 20]);
                }
                Ok(text(200, held.len().to_string()))
            }
            "/trap" => panic!("as asked"),
            "/trap-midstream" => Ok(trap_midstream()),
            "/headers" => Ok(too_many_headers()),
            "/print" => {
                eprintln!("the cause is \u{1b}[2Jnamed");
                Ok(text(200, "printed".to_owned()))
            }
            "/print-much" => {
                (0..1000).for_each(|i| eprintln!("line {i}"));
                Ok(text(200, "printed".to_owned()))
            }
            "/error" => Err(ErrorCode::InternalError(Some("a secret cause".to_owned()))),
            "/slow" => {
                sleep_ms(400).await;
                Ok(text(200, "slow".to_owned()))
            }
            "/never" => {
                sleep_ms(3_600_000).await;
                Ok(text(200, "late".to_owned()))
            }
            _ => Ok(text(200, "ok".to_owned())),
        }
    }
}

fn trap_midstream() -> Response {
    let (response, mut body, trailers) = streaming(200, &[]);
    spawn(async move {
        let _trailers = trailers;
        body.write_all(b"data: 1\n\n".to_vec()).await;
        sleep_ms(30).await;
        panic!("as asked");
    });
    response
}

/// Appends 40 000 fields, and answers with how many were taken, and with those that were.
fn too_many_headers() -> Response {
    let (response, mut body, trailers) = streaming(200, &[]);
    let refused = Fields::new();
    let taken = (0..40_000).take_while(|i| refused.append(&format!("x-{i}"), b"v").is_ok()).count();
    let same = (0..40_000).take_while(|_| refused.append("x-same", b"v").is_ok()).count();
    spawn(async move {
        body.write_all(format!("{taken} {same}").into_bytes()).await;
        drop(body);
        let _ = trailers.write(Ok(Some(refused))).await;
    });
    response
}
