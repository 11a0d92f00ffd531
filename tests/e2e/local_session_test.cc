// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sessions of local containers: `davit run -it`, `davit start -a` and `davit attach`.

#include <gmock/gmock.h>
#include <sys/socket.h>

#include "base/file_io.h"
#include "tests/e2e/session_fixture.h"

namespace davit::e2e {
namespace {

using client::CommandOutcome;
using ::testing::HasSubstr;

class LocalSessions : public OwnInstanceTest {
 protected:
  void SetUp() override { client::MustRun(DavitAt(instance(), {"pull", "--quiet", kBusybox})); }
  std::string Davit(const std::vector<std::string>& arguments) {
    return client::MustRun(DavitAt(instance(), arguments));
  }
  void TearDown() override {
    RunShell(instance(), "for id in $($DAVIT ps -aq); do $DAVIT rm -f $id; done");
    OwnInstanceTest::TearDown();
  }
};

TEST_F(LocalSessions, RunAtATerminalMissesNothingAndEndsLikeTheProgram) {
  for (int i = 0; i < 5; ++i) {
    AtPty person(DavitAt(instance(), {"run", "-it", "--rm", kBusybox, "sh", "-c",
                                      "echo first; stty size; read word; echo \"<$word>\"; exit 7"}));
    std::string screen = person.WaitFor("24 80");
    EXPECT_THAT(screen, HasSubstr("first"));
    person.Type("typed\r");
    person.WaitFor("<typed>");
    EXPECT_EQ(person.Wait(), 7);
    EXPECT_FALSE(person.IsRaw());
  }
  EXPECT_EQ(Davit({"ps", "-aq"}), "");
}

TEST_F(LocalSessions, RunWithPipesHasTheInputAndItsEnd) {
  CommandOutcome outcome =
      RunShell(instance(), std::string("seq 100000 | $DAVIT run -i --rm ") + kBusybox +
                               " sh -c 'cat; echo bad >&2; exit 3' 2>/dev/null | sha256sum; echo "
                               "${PIPESTATUS[1]}; seq 100000 | sha256sum");
  std::string output = outcome.output;
  EXPECT_EQ(output.substr(0, output.find('\n')), output.substr(output.find('\n') + 3, output.find('\n')));
  EXPECT_THAT(output, HasSubstr("\n3\n"));
}

TEST_F(LocalSessions, DetachAndAttachAgain) {
  AtPty person(DavitAt(instance(), {"run", "-it", "--name", "shell", kBusybox, "sh"}));
  person.WaitFor("# ");
  person.Type("word=kept\r");
  person.Type(kDetach);
  EXPECT_EQ(person.Wait(), 0);
  EXPECT_FALSE(person.IsRaw());
  EXPECT_THAT(Davit({"ps"}), HasSubstr("shell"));
  AtPty again(DavitAt(instance(), {"attach", "shell"}));
  ASSERT_TRUE(again.BecomesRaw(true));
  again.Type("echo \"<$word>\"; stty size\r");
  again.WaitFor("<kept>");
  again.WaitFor("24 80");
  again.Type("exit 4\r");
  EXPECT_EQ(again.Wait(), 4);
}

TEST_F(LocalSessions, StartShowsTheContainerThatItStarts) {
  Davit({"create", "-i", "--name", "cat", kBusybox, "sh", "-c", "echo up; cat; exit 3"});
  for (int i = 0; i < 2; ++i) {
    CommandOutcome outcome = RunShell(instance(), "echo word | $DAVIT start -ai cat; echo $?");
    EXPECT_EQ(outcome.output, "up\nword\n3\n");
  }
  Davit({"create", "-it", "--name", "shell", kBusybox, "sh"});
  AtPty person(DavitAt(instance(), {"start", "-ai", "shell"}));
  person.WaitFor("# ");
  std::string seen = instance().directory() + "/seen";
  AtPty another({"/bin/sh", "-c",
                 "exec " DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance().socket() +
                     " start -a shell > " + seen});  // it runs already
  WaitUntil("another one is attached", [&] {
    person.Type("echo both-$((40+2))\r");
    return ReadFile(seen).value_or("").find("both-42") != std::string::npos;
  });
  person.Type("exit 5\r");
  EXPECT_EQ(person.Wait(), 5);
  EXPECT_EQ(another.Wait(), 5);
}

// It writes far more than its pipe holds, at a terminal that nobody reads for a while.
TEST_F(LocalSessions, AContainerWaitsForItsTerminal) {
  AtPty person(DavitAt(instance(), {"run", "-it", "--rm", kBusybox, "sh", "-c", "seq 500000; exit 2"}));
  usleep(1'000'000);
  EXPECT_THAT(person.WaitFor("500000\r\n"), HasSubstr("\r\n250000\r\n"));
  EXPECT_EQ(person.Wait(), 2);
}

TEST_F(LocalSessions, ASessionOfAContainerOutlivesTheDaemon) {
  AtPty person(DavitAt(instance(), {"run", "-it", "--name", "shell", kBusybox, "sh"}));
  person.WaitFor("# ");
  instance().Kill();
  person.Type("echo alone-$((40+2))\r");
  person.WaitFor("alone-42");
  instance().Restart();
  Reconnect();
  person.Type("exit 6\r");
  EXPECT_EQ(person.Wait(), 6);
}

TEST_F(LocalSessions, ProgramsThatCannotRunHaveTheExitStatusOfDocker) {
  AtPty missing(DavitAt(instance(), {"run", "-it", "--rm", kBusybox, "/no/such"}));
  EXPECT_EQ(missing.Wait(), 127);
  EXPECT_FALSE(missing.IsRaw());
  AtPty data(DavitAt(instance(), {"run", "-it", "--rm", kBusybox, "/etc/passwd"}));
  EXPECT_EQ(data.Wait(), 126);
  EXPECT_EQ(Davit({"ps", "-aq"}), "");
}

}  // namespace
}  // namespace davit::e2e
