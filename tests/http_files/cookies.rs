//! Cookies between a handler and its clients.

use std::time::Duration;

use evloop::web::{Application, Cookie, Request, Response, SameSite};

use crate::support::{Client, serve};

fn app() -> Application {
    let mut app = Application::new();
    app.router().add_get("/set", |_: Request| async {
        let id = Cookie::new("id", "7").max_age(Duration::from_secs(60)).same_site(SameSite::Lax);
        Response::text("set").set_cookie(id).set_cookie(Cookie::new("other", "x").path("/y"))
    });
    app.router().add_get("/get", |request: Request| async move {
        let cookies: Vec<_> =
            request.cookies().map(|(name, value)| format!("{name}={value}")).collect();
        let first = request.cookie("a").map_or_else(String::new, |value| value.into_owned());
        Response::text(format!("{}|{first}", cookies.join(",")))
    });
    app.router().add_get("/del", |_: Request| async { Response::new().del_cookie("id") });
    app.router().add_get("/bad", |_: Request| async {
        Response::new().set_cookie(Cookie::new("id", "7\r\nX-Injected: 1"))
    });
    app
}

#[test]
fn cookies_are_set_read_and_removed_and_a_bad_one_is_a_500() {
    let ((), reports) = serve(app(), |address| {
        let mut client = Client::connect(address);
        let reply = client.get("/set");
        let set: Vec<_> = reply.fields.iter().filter(|(name, _)| name == "set-cookie").collect();
        assert_eq!(set[0].1, "id=7; Max-Age=60; Path=/; SameSite=Lax");
        assert_eq!(set[1].1, "other=x; Path=/y");
        client.send(
            "GET /get HTTP/1.1\r\nHost: h\r\nCookie: a=1; b=\"2\"; junk\r\nCookie: a=3\r\n\r\n",
        );
        assert_eq!(client.reply().body, "a=1,b=2,a=3|1");
        let removal = "id=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/";
        assert_eq!(client.get("/del").get("set-cookie"), Some(removal));
        let bad = client.get("/bad");
        assert_eq!((bad.status, bad.get("x-injected")), (500, None));
    });
    assert!(reports.len() == 1 && reports[0].contains("encode it"), "{reports:?}");
}
