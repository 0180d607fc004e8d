"""`existing_app` was there before billing: its own users, database and pages. `create_app` adds billing to it."""

from flask import Flask, Response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

from billing import Billing, Hosts, requires_feature

db = SQLAlchemy()


class User(db.Model, UserMixin):  # type: ignore[misc, name-defined]  # a class made at run time, one without types
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


def existing_app(instance_path: str | None = None) -> Flask:
    app = Flask(__name__, instance_path=instance_path)
    app.config |= {"SECRET_KEY": "change me", "SQLALCHEMY_DATABASE_URI": "sqlite:///bakery.sqlite3"}
    db.init_app(app)
    LoginManager(app).user_loader(lambda user_id: db.session.get(User, int(user_id)))
    app.register_error_handler(404, lambda _: (render_template("error.html", words="That shelf is empty"), 404))
    app.register_error_handler(500, lambda _: (render_template("error.html", words="We dropped a tray"), 500))
    app.after_request(lambda answer: answer.headers.set("Access-Control-Allow-Origin", "*") or answer)
    with app.app_context():
        db.create_all()

    @app.get("/")
    def home() -> ResponseReturnValue:
        session["visits"] = session.get("visits", 0) + 1
        return render_template("home.html")

    @app.route("/login", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        if request.method == "GET":
            return render_template("login.html")
        email = request.form["email"]  # and no password: an example need keep nobody out
        user = db.session.query(User).filter_by(email=email).first() or User(email=email)
        db.session.add(user)
        db.session.commit()
        login_user(user)
        return redirect(request.host_url + request.args.get("next", "").lstrip("/"))

    @app.get("/exports")
    @requires_feature("exports")
    def exports() -> ResponseReturnValue:
        return Response("loaf,sold\nRye,41\nSpelt,27\n", mimetype="text/csv")

    return app


def create_app(instance_path: str | None = None) -> Flask:
    app = existing_app(instance_path)
    hosts = Hosts(sign_in_url=lambda next_path: url_for("login", next=next_path))
    settings = {"DATABASE_URL": f"sqlite:///{app.instance_path}/bakery.sqlite3", "SITE_NAME": "Crumb"}
    Billing(app, hosts=hosts, settings=settings | {"INSTANCE_PATH": f"{app.instance_path}/billing"})
    return app
