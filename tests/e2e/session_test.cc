// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sessions: `davit exec -it` and `davit attach`, at a terminal and with pipes.

#include <gmock/gmock.h>
#include <signal.h>

#include "tests/e2e/session_fixture.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(Sessions, ATerminalHasSizeEchoAndExitStatus) {
  auto person = AtShell();
  EXPECT_TRUE(person->IsRaw());
  person->Type("stty size; tty\r");
  person->WaitFor("24 80");
  person->WaitFor("/dev/pts/");
  person->Resize(50, 132);
  person->Type("sleep 0.2; stty size\r");
  person->WaitFor("50 132");
  person->Type("exit 7\r");
  EXPECT_EQ(person->Wait(), 7);
  EXPECT_FALSE(person->IsRaw());
}

TEST_F(Sessions, CtrlCIsForTheCommandInside) {
  auto person = AtShell();
  person->Type("sleep 4711\r");
  WaitUntil("the command runs", [&] { return Sleepers("4711") == "1"; });
  person->Type("\x03");
  person->Type("echo still-$((40+2))\r");
  person->WaitFor("still-42");
  EXPECT_EQ(Sleepers("4711"), "0");
  person->Type("exit\r");
  person->Wait();
}

TEST_F(Sessions, DetachKeysLeaveTheCommandRunning) {
  auto person = AtTerminal({"exec", "-it", id_, "sh", "-c", "n=4712; echo up; sleep $n; true"});
  person->WaitFor("up");
  person->Type("\x10");
  usleep(50'000);
  person->Type("\x11");
  EXPECT_EQ(person->Wait(), 0);
  EXPECT_FALSE(person->IsRaw());
  usleep(200'000);
  EXPECT_EQ(Sleepers("4712"), "1");
}

TEST_F(Sessions, OtherDetachKeysReplaceThem) {
  auto person = AtTerminal({"exec", "-it", "--detach-keys", "ctrl-x,x", id_, "cat"});
  ASSERT_TRUE(person->BecomesRaw(true));
  person->Type(std::string(kDetach) + "\x18y\r");
  person->WaitFor("^P^Xy");  // the terminal takes ^Q itself
  person->Type("\x18x");
  EXPECT_EQ(person->Wait(), 0);
}

TEST_F(Sessions, ASignalThatEndsDavitRestoresTheTerminalAndHangsUpTheCommand) {
  for (int signo : {SIGTERM, SIGINT, SIGHUP, SIGABRT, SIGSEGV}) {
    SCOPED_TRACE(signo);
    auto person = AtTerminal({"exec", "-it", id_, "sh", "-c", "echo up; sleep 4713"});
    person->WaitFor("up");
    ASSERT_TRUE(person->IsRaw());
    person->Signal(signo);
    EXPECT_EQ(person->Wait(), signo == SIGABRT || signo == SIGSEGV ? -signo : 128 + signo);
    EXPECT_FALSE(person->IsRaw());
    WaitUntil("the command has ended", [&] { return Sleepers("4713") == "0"; });
  }
}

TEST_F(Sessions, KillingDavitHangsUpTheCommand) {
  auto person = AtTerminal({"exec", "-it", id_, "sh", "-c", "echo up; sleep 4714"});
  person->WaitFor("up");
  person->Signal(SIGKILL);
  WaitUntil("the command has ended", [&] { return Sleepers("4714") == "0"; });
}

TEST_F(Sessions, AStoppedDavitGivesTheTerminalBackUntilItContinues) {
  auto person = AtShell();
  person->Signal(SIGTSTP);
  ASSERT_TRUE(person->Stops());
  EXPECT_FALSE(person->IsRaw());
  person->Resize(30, 100);
  person->Signal(SIGCONT);
  ASSERT_TRUE(person->BecomesRaw(true));
  person->Type("stty size\r");
  person->WaitFor("30 100");
  person->Type("exit\r");
  EXPECT_EQ(person->Wait(), 0);
}

TEST_F(Sessions, PipesCarryAHundredMegabytesBothWaysIntact) {
  std::string file = instance().directory() + "/random";
  CommandOutcome outcome = RunShell(
      instance(), "head -c 104857600 /dev/urandom > " + file + "; cat " + file + " | $DAVIT exec -i " + id_ +
                      " cat | sha256sum > " + file + ".sum; sha256sum < " + file + " | cmp - " + file +
                      ".sum && $DAVIT exec -i " + id_ + " cat < " + file + " > " + file + ".copy && cmp " +
                      file + " " + file + ".copy; echo status $?; rm -f " + file + "*");
  EXPECT_EQ(outcome.output, "status 0\n");
}

TEST_F(Sessions, TheEndOfInputReachesTheCommand) {
  CommandOutcome outcome =
      RunShell(instance(), "echo words | $DAVIT exec -i " + id_ +
                               " sh -c 'cat; echo ended; echo bad >&2; exit 9' 2>&1; echo $?");
  EXPECT_THAT(outcome.output, StartsWith("words\nended\nbad\n"));
  EXPECT_THAT(outcome.output, EndsWith("9\n"));
}

TEST_F(Sessions, AReaderThatLeavesEndsTheCommand) {
  CommandOutcome outcome =
      RunShell(instance(), "$DAVIT exec -i " + id_ + " sh -c 'yes; echo $? >&2' </dev/null | head -n1");
  EXPECT_THAT(outcome.output, HasSubstr("y\n"));
  WaitUntil("the command has ended", [&] { return Shell(id_, "ps | grep -c '[y]es' || true") == "0"; });
}

TEST_F(Sessions, AReaderThatLeavesEndsACommandAtATerminal) {
  CommandOutcome outcome =
      RunShell(instance(), "$DAVIT exec -t " + id_ + " yes </dev/null | head -n1; echo ${PIPESTATUS[0]}");
  EXPECT_THAT(outcome.output, EndsWith("141\n"));
  WaitUntil("the command has ended", [&] { return Shell(id_, "ps | grep -c '[y]es' || true") == "0"; });
}

TEST_F(Sessions, ACommandThatLeavesAChildBehindStillEnds) {
  CommandOutcome outcome = RunShell(
      instance(), "$DAVIT exec -i " + id_ + " sh -c 'sleep 4715 & echo out; exit 3' </dev/null; echo $?");
  EXPECT_EQ(outcome.output, "out\n3\n");
}

TEST_F(Sessions, SignalsArePassedOnWithoutATerminal) {
  CommandOutcome outcome = RunShell(
      instance(), "$DAVIT exec -i " + id_ +
                      " sh -c 'trap \"echo got; exit 8\" TERM; echo up; while :; do sleep 0.1; done' "
                      "</dev/null 2>/dev/null > " +
                      instance().directory() + "/out & pid=$!; until grep -q up " + instance().directory() +
                      "/out; do sleep 0.1; done; kill -TERM $pid; wait $pid; echo $?; cat " +
                      instance().directory() + "/out");
  EXPECT_EQ(outcome.output, "8\nup\ngot\n");
}

TEST_F(Sessions, ProgramsThatCannotRunHaveTheExitStatusOfAShell) {
  CommandOutcome outcome =
      RunShell(instance(), "$DAVIT exec -i " + id_ + " /no/such </dev/null; echo $?; $DAVIT exec -i " + id_ +
                               " /etc/passwd </dev/null; echo $?");
  EXPECT_THAT(outcome.output, HasSubstr("127\n"));
  EXPECT_THAT(outcome.output, EndsWith("126\n"));
  outcome = RunShell(instance(), "$DAVIT exec -it " + id_ + " sh </dev/null; echo $?");
  EXPECT_THAT(outcome.output, HasSubstr("not a terminal"));
}

TEST_F(Sessions, ACommandHasItsOwnVariablesUserAndDirectory) {
  CommandOutcome outcome = RunShell(
      instance(), "A=here $DAVIT exec -e A -e B=2 -u 5:6 -w /usr " + id_ +
                      " sh -c 'echo $A $B; id -u; id -g; pwd; exit 4'; echo $?; $DAVIT exec -u nobody " +
                      id_ + " id -un; $DAVIT exec -w /no/such " + id_ +
                      " ls; echo $?; $DAVIT exec -u nosuch " + id_ + " ls; echo $?");
  EXPECT_THAT(outcome.output, StartsWith("here 2\n5\n6\n/usr\n4\nnobody\n"));
  EXPECT_THAT(outcome.output, HasSubstr("working directory"));
  EXPECT_THAT(outcome.output, EndsWith("\n1\n"));
}

TEST_F(Sessions, ADetachedCommandOutlivesDavit) {
  CommandOutcome outcome =
      RunShell(instance(), "$DAVIT exec -d -e WORD=kept " + id_ +
                               " sh -c 'echo $WORD > /tmp/word; exec sleep 4716'; echo $?; $DAVIT exec -d " +
                               id_ + " /no/such; echo $?; $DAVIT exec -d " + id_ + " /etc/passwd; echo $?");
  EXPECT_THAT(outcome.output, StartsWith("0\n"));
  EXPECT_THAT(outcome.output, HasSubstr("127\n"));
  EXPECT_THAT(outcome.output, EndsWith("126\n"));
  outcome = RunShell(instance(), "$DAVIT exec -d -w /no/such " + id_ + " ls; echo $?");
  EXPECT_THAT(outcome.output, HasSubstr("working directory"));
  EXPECT_THAT(outcome.output, EndsWith("\n1\n"));
  WaitUntil("the command runs", [&] { return Sleepers("4716") == "1"; });
  EXPECT_EQ(Shell(id_, "cat /tmp/word"), "kept");
}

TEST_F(Sessions, ATerminalThatIsLeftFullHoldsNothingUp) {
  auto person = AtTerminal({"exec", "-it", id_, "sh", "-c", "echo up; yes"});
  person->WaitFor("up");
  usleep(300'000);  // nobody reads the screen
  person->Type(kDetach);
  EXPECT_EQ(person->Wait(), 0);
  EXPECT_EQ(Shell(id_, "echo alive"), "alive");
  Shell(id_, "killall yes || true");
}

TEST_F(Sessions, AttachShowsAContainerOfTheKubelets) {
  auto talker = RunIdle([](v1::PodSandboxConfig&, v1::ContainerConfig& config) {
    config.clear_command();
    for (const char* word : {"sh", "-c", "read line; echo \"got $line\"; exit 4"}) config.add_command(word);
    config.set_stdin(true);
    config.set_stdin_once(true);
  });
  CommandOutcome outcome = RunShell(instance(), "echo hello | $DAVIT attach " + talker + "; echo $?");
  EXPECT_EQ(outcome.output, "got hello\n4\n");
}

class SessionsAndTheDaemon : public OwnInstanceTest {};

TEST_F(SessionsAndTheDaemon, ASessionOutlivesTheDaemon) {
  std::string id = RunIdle();
  AtPty person(DavitAt(instance(), {"exec", "-it", id, "sh"}));
  person.WaitFor("# ");
  instance().Kill();
  person.Type("echo alone-$((40+2))\r");
  person.WaitFor("alone-42");
  person.Type("exit 6\r");
  EXPECT_EQ(person.Wait(), 6);
  EXPECT_FALSE(person.IsRaw());
  instance().Restart();
  Reconnect();
  AtPty again(DavitAt(instance(), {"exec", "-it", id, "sh", "-c", "exit 5"}));
  EXPECT_EQ(again.Wait(), 5);
}

}  // namespace
}  // namespace davit::e2e
