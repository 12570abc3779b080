//! Step 18: the tutorial's HTTP client: `http_client [URL]`.

use evloop::ClientSession;
use evloop::http::ClientError;

async fn get_html(url: String) -> Result<(), ClientError> {
    let session = ClientSession::new();
    let response = session.get(&url).await?;
    println!("{}", response.status().as_u16());
    println!("{}", response.text().await?);
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or("http://127.0.0.1/ziroom-web/".into());
    let event_loop = evloop::get_event_loop()?;
    event_loop.run_until_complete(get_html(url))??;
    event_loop.close()?;
    Ok(())
}
