"""The tutorials about deliveries on the embedded server, as they say to those who have no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from acceptance.delivery_page import EVENT_JOBS, PAGE, FileShell, files

LOGINS = """
. ./people.env
iu migrate --with delivery --database-url $OWNER | tail -n 1
psql --quiet --no-psqlrc $OWNER --file shop.sql
cd /
for one in $OWNER $SHOP $ADA $BOB $CARLA
do psql --no-psqlrc -At --command 'select current_user, current_database()' $one
done
"""


@pytest.mark.parametrize("page", [PAGE, EVENT_JOBS], ids=lambda page: page.stem)
def test_every_login_of_the_page_can_connect_to_the_embedded_server(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    (block,) = re.findall(r"^```sh\niu exec bash\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shell = FileShell(tmp_path, files(text))
    try:
        printed = shell.run(f"umask 077; iu exec bash 2>&1 <<'END'\n{block}{LOGINS}END")
    finally:
        shell.run("iu stop")
    made, *others = printed
    assert made.startswith(f"warning: a new database was made in {shell.folder / '.iu'}; ")
    assert others == [
        "CREATE DATABASE",
        "16 steps applied, 9 checks passed; all 16 steps are applied. Next: iu status",
        *(f"{login}|shop" for login in ("postgres", "shop", "ada", "bob", "carla")),
    ]
