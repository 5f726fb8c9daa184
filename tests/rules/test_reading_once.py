"""Doctor opens each source and each env file of a repository at most once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

COUNTING = """
import collections, json, os, sys
counts = collections.Counter()
root = os.getcwd() + os.sep
def note(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith(root):
        name = arguments[0][len(root):]
        counts[name] += not name.startswith(".devstack")
sys.addaudithook(note)
from pathlib import Path
from devstack.commands.doctor import diagnose, inspect
report = diagnose(inspect(Path.cwd(), dict(os.environ)))
assert not [skip for skip in report.skipped if "internal failure" in skip.reason], report.skipped
print(json.dumps([counts, sorted(finding.rule for finding in report.findings)]))
"""
FILES = {
    "stack.toml": 'name = "once"\n[services.web]\ntype = "next"\ndir = "web"\nport = 3000\n'
    '[services.ws]\ntype = "python"\ndir = "ws"\ncommand = "python3 main.py"\nport = 3001\n'
    '[shared.jwt]\nmembers = ["web:JWT_SECRET", "ws:JWT_SECRET"]\n',
    "web/package.json": '{"scripts": {"dev": "next dev"}, "dependencies": {"next": "^16.0.0"}}',
    "web/app/page.tsx": "'use client'\nexport const url = process.env.NEXT_PUBLIC_URL;\nprocess.env.JWT_SECRET;\n",
    "web/.env": "JWT_SECRET=one\nNEXT_PUBLIC_URL=ws:/localhost\nUNUSED_NAME=1\n",
    "ws/main.py": "import os\nfrom dotenv import load_dotenv\nload_dotenv()\nos.environ['JWT_SECRET']\n",
    "ws/.env": "JWT_SECRET=two\nJWT_SECRET=three\nOTHER_UNUSED=1\n",
    "ws/.env.example": "JWT_SECRET=change-me\n",
    "ws/start.sh": "set -a; . ./.env\n",
}


def test_each_source_and_env_file_is_opened_at_most_once(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", COUNTING],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    counts, said = json.loads(done.stdout)
    assert {"shared-mismatch", "duplicate-key", "unused-variable"} <= set(said)
    assert {"web/app/page.tsx", "ws/main.py", "web/.env", "ws/.env"} <= counts.keys()
    twice = {name for name, count in counts.items() if count > 1}
    assert twice <= {
        "stack.toml",
        "web/package.json",
    }  # the stack is loaded before there is anything to share
