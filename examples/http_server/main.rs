//! Step 17: the tutorial's HTTP server.

use evloop::web::{Application, Request, Response, run_app};

/// http://127.0.0.1:9977/
async fn index(request: Request) -> Response {
    Response::text(request.path().to_owned()).status(201)
}

/// http://127.0.0.1:9977/1?name=12301
async fn handle(request: Request) -> Response {
    println!("{:?}", request.match_info());
    println!("{}", request.query_string());
    let id = request.match_info().get("id").unwrap_or("0000");
    Response::text(id.to_owned())
}

fn main() -> std::io::Result<()> {
    let mut app = Application::new();
    app.router().add_get("/", index).add_get("/{id}", handle);
    run_app(app, ("0.0.0.0", 9977))
}
