"""Counts the statements of the engine's functions, and halts a session before a given one.

In a session with `arena.step` set, each statement of a PL/pgSQL function draws a number. If the number equals
the setting, the session waits for an advisory lock.
"""

from __future__ import annotations

from engine.sessions import Session, value

_STEP = """
create or replace function public.arena_step() returns boolean language plpgsql as $$
begin
    if current_setting('arena.step', true) <> '' then
        if nextval('public.arena_steps') = current_setting('arena.step')::bigint then
            perform pg_advisory_xact_lock_shared(4711);
        end if;
    end if;
    return false;
end
$$;
create sequence if not exists public.arena_steps;
grant all on sequence public.arena_steps to public
"""
_FUNCTIONS = """
select pg_get_functiondef(p.oid), p.prosrc from pg_proc as p inner join pg_language as l on l.oid = p.prolang
where p.pronamespace = 'public'::regnamespace and p.proname like 'fn\\_iu\\_%' and l.lanname = 'plpgsql'
"""


def install(session: Session) -> None:
    session.execute(_STEP.encode())
    session.execute("set check_function_bodies = off")
    for text, body in session.execute(_FUNCTIONS).fetchall():
        session.execute(text.replace(body, stepped(body)).encode())


def begin(session: Session) -> None:
    """Number statements from 1 again."""
    session.execute("select setval('public.arena_steps', 1, false)")


def count(session: Session, act: str) -> int:
    """Return how many statements `act` runs, and roll it back."""
    begin(session)
    session.execute("begin")
    session.execute("set local arena.step = '0'")
    session.execute(act.encode())
    session.execute("rollback")
    return int(value(session, "select nextval('public.arena_steps')")) - 1


_HERE = "if public.arena_step() then null; end if;"
"""A statement that leaves FOUND and the row count unchanged."""


def stepped(body: str) -> str:
    """Return a PL/pgSQL body that calls `arena_step` before the first and after every statement."""
    lines = []
    declaring = False
    for line in body.splitlines():
        declaring = line.strip() == "declare" or (declaring and line.strip() != "begin")
        ends = line.strip() == "begin" or line.endswith(";")
        lines.append(f"{line} {_HERE}" if ends and not declaring else line)
    return "\n".join(lines)
