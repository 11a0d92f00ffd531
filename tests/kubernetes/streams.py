# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""kubectl's streams into containers: commands, terminals, files, ports and logs."""

import os
import random
import shlex

from expect import contains, equal, fetch
from kubectl import read_until, spoken_to
from manifest import BUSYBOX, idle, pod, shell

_BYTES = random.Random(1).randbytes(5 << 20)


def commands_return_their_exit_codes(cluster):
    cluster.kubectl.create_and_wait(pod("talker", [idle("main")]))
    for code in 0, 1, 42, 130, 255:
        equal(cluster.kubectl.try_to("exec", "talker", "--", "sh", "-c", f"exit {code}").returncode, code)


def a_command_that_is_not_there_is_an_error(cluster):
    ended = cluster.kubectl.try_to("exec", "talker", "--", "/no/such/program")
    assert ended.returncode != 0, "it succeeds"
    contains(ended.stderr, "/no/such/program")


def outputs_of_a_command_come_apart(cluster):
    ended = cluster.kubectl.try_to("exec", "talker", "--", "sh", "-c", "echo one; echo two >&2")
    equal((ended.stdout, ended.stderr), ("one\n", "two\n"))


def input_and_output_of_a_command_arrive_whole(cluster):
    equal(cluster.kubectl("exec", "--stdin", "talker", "--", "cat", input=_BYTES, text=False), _BYTES)


def _at_a_terminal(cluster, *arguments):
    """kubectl, called by a user who has a terminal of 45 lines and 123 columns."""
    command = shlex.join(cluster.kubectl.command(*arguments))
    return spoken_to(["script", "--quiet", "--return", "--command", f"stty rows 45 cols 123; exec {command}", "/dev/null"])


def a_terminal_has_the_size_of_its_user_and_passes_keys_on(cluster):
    inside = """until [ "$(stty size)" = "45 123" ]; do sleep 0.1; done
        trap 'echo caught; exit 5' INT; test -t 0 && test -t 1 && test -t 2 && echo ready; while :; do sleep 0.1; done"""
    with _at_a_terminal(cluster, "exec", "--stdin", "--tty", "talker", "--", "sh", "-c", inside) as user:
        read_until(user, "ready")
        user.stdin.write(b"\x03")
        read_until(user, "caught")
        equal(user.wait(60), 5)


def a_shell_at_a_terminal_answers_until_it_ends(cluster):
    run_sh = "run", "shell", "--image", BUSYBOX, "--restart=Never", "--rm", "--stdin", "--tty", "--", "sh"
    with _at_a_terminal(cluster, *run_sh) as user:
        read_until(user, "# ")
        user.stdin.write(b"echo $((6 * 7))\n")
        read_until(user, "42\r\n")
        user.stdin.write(b"exit 6\n")
        equal(user.wait(60), 6)


def attaching_speaks_with_the_first_process(cluster):
    script = "while read line; do echo heard $line; done; echo over"
    cluster.kubectl.create_and_wait(pod("listener", [shell("main", script, stdin=True, stdinOnce=True)], restartPolicy="Never"))
    with cluster.kubectl.running("attach", "--stdin", "listener") as user:
        for word in b"one", b"two":
            user.stdin.write(word + b"\n")
            read_until(user, f"heard {word.decode()}")
        user.stdin.close()
        read_until(user, "over")
        equal(user.wait(60), 0)


def a_pod_that_is_run_once_answers_with_its_output_and_exit_code(cluster):
    ended = cluster.kubectl.try_to("run", "once", "--image", BUSYBOX, "--restart=Never", "--rm", "--stdin", "--quiet", "--",
                                   "sh", "-c", "cat; exit 3", input="said\n")
    equal((ended.returncode, ended.stdout), (3, "said\n"))


def files_are_copied_both_ways(cluster):
    (there, back) = (cluster.shared / name for name in ("there", "back"))
    (there / "deep").mkdir(parents=True)
    (there / "deep" / "bytes").write_bytes(_BYTES)
    cluster.kubectl("cp", there, "talker:/tmp/copied")
    cluster.kubectl("cp", "talker:/tmp/copied", back)
    assert (back / "deep" / "bytes").read_bytes() == _BYTES, "the bytes have changed"


def a_forwarded_port_leads_into_the_pod(cluster):
    with cluster.kubectl.running("port-forward", "deployment/web", ":80", "--address", "127.0.0.1") as forward:
        address = read_until(forward, "-> 80").split()[2]
        for _ in range(3):
            contains(fetch(address), "Welcome")


def clients_without_web_sockets_have_the_same_streams(cluster):
    spdy = {"env": {**os.environ, "KUBECTL_REMOTE_COMMAND_WEBSOCKETS": "false", "KUBECTL_PORT_FORWARD_WEBSOCKETS": "false"}}
    equal(cluster.kubectl("exec", "--stdin", "talker", "--", "cat", input=_BYTES, text=False, **spdy), _BYTES)
    equal(cluster.kubectl.try_to("exec", "talker", "--", "sh", "-c", "exit 42", **spdy).returncode, 42)
    with cluster.kubectl.running("port-forward", "deployment/web", ":80", "--address", "127.0.0.1", **spdy) as forward:
        contains(fetch(read_until(forward, "-> 80").split()[2]), "Welcome")


def a_followed_log_ends_with_its_container(cluster):
    script = "echo first; until test -e /tmp/go; do sleep 0.1; done; echo last; printf unfinished"
    cluster.kubectl.create_and_wait(pod("speaker", [shell("main", script)], restartPolicy="Never"))
    with cluster.kubectl.running("logs", "--follow", "speaker") as log:
        read_until(log, "first\n")
        cluster.kubectl.shell("speaker", "touch /tmp/go")
        read_until(log, "last\nunfinished")
        equal(log.wait(60), 0)


def a_log_is_cut_as_asked(cluster):
    equal(cluster.kubectl("logs", "speaker", "--tail=1"), "unfinished")
    contains(cluster.kubectl("logs", "speaker", "--timestamps", "--since=1h"), "Z first\n")
