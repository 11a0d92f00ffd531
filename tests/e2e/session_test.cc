// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sessions: `davit exec -it`, `davit attach` and `davit run -it`, at a terminal and with pipes.

#include "shim/session.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <memory>

#include "api/davit/v1/sessions.grpc.pb.h"
#include "base/codec.h"
#include "base/file_io.h"
#include "base/frame.h"
#include "base/unique_fd.h"
#include "shim/protocol.h"
#include "tests/client/command.h"
#include "tests/e2e/at_pty.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

namespace api = ::davit::v1;

using client::CommandOutcome;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kDetach[] = "\x10\x11";

// The arguments of a davit that talks to the daemon.
std::vector<std::string> DavitAt(const Instance& instance, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(),
                   {DAVIT_BUILD_BIN_DIR "/davit", "--address", "unix://" + instance.socket()});
  return arguments;
}

// Runs a shell line in which $DAVIT is the command.
CommandOutcome RunShell(const Instance& instance, const std::string& line) {
  std::string davit = DAVIT_BUILD_BIN_DIR "/davit --address unix://" + instance.socket();
  return client::Run({"/bin/bash", "-c", "DAVIT=\"" + davit + "\"; " + line});
}

class Sessions : public PodTest {
 protected:
  void SetUp() override { id_ = RunIdle(); }

  std::unique_ptr<AtPty> AtTerminal(std::vector<std::string> arguments) {
    return std::make_unique<AtPty>(DavitAt(instance(), std::move(arguments)));
  }
  // At a shell in the container.
  std::unique_ptr<AtPty> AtShell() {
    auto person = AtTerminal({"exec", "-it", id_, "sh"});
    person->WaitFor("# ");
    return person;
  }
  // How many processes run the container's `sleep` with this argument.
  std::string Sleepers(const std::string& seconds) {
    return Shell(id_, "ps | grep -c '[s]leep " + seconds + "' || true");
  }

  std::string id_;
};

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

// What a hostile client may try at the session socket. The daemon gives out descriptors, and takes none.
class HostileSessions : public Sessions {
 protected:
  UniqueFd Connect() {
    UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = instance().socket() + ".sessions";
    std::memcpy(address.sun_path, path.c_str(), path.size());
    if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return {};
    timeval patience{20, 0};
    setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return connection;
  }
  static std::string TokenOf(const UniqueFd& connection) {
    auto frame = ReceiveFrame(connection.get());
    if (!frame || frame->type != static_cast<uint32_t>(shim::SessionMessage::kToken)) return "";
    return Decode<shim::SessionToken>(frame->payload, "token").value_or(shim::SessionToken{}).token;
  }
  grpc::Status Exec(const std::string& token, const std::vector<std::string>& command = {"true"}) {
    api::SessionsExecRequest request;
    request.set_token(token);
    request.set_container(id_);
    for (const std::string& word : command) request.add_command(word);
    return Exec(request);
  }
  grpc::Status Exec(const api::SessionsExecRequest& request) {
    auto stub = api::Sessions::NewStub(
        grpc::CreateChannel("unix://" + instance().socket(), grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    api::SessionsExecResponse response;
    return stub->Exec(&context, request, &response);
  }
  size_t DaemonsDescriptors() {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(instance().pid()) + "/fd"))
      ++count;
    return count;
  }
};

TEST_F(HostileSessions, ATokenIsGoodForOneCall) {
  UniqueFd connection = Connect();
  std::string token = TokenOf(connection);
  ASSERT_EQ(token.size(), 32U);
  EXPECT_TRUE(Exec(token).ok());
  EXPECT_EQ(Exec(token).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Exec(std::string(32, '0')).error_code(), grpc::StatusCode::NOT_FOUND);
  connection = Connect();
  token = TokenOf(connection);
  connection.Reset();
  WaitUntil("the token has gone with its connection",
            [&] { return Exec(token).error_code() == grpc::StatusCode::NOT_FOUND; });
}

TEST_F(HostileSessions, ConnectionsWithoutACallAreLimitedAndEnd) {
  size_t before = DaemonsDescriptors();
  std::vector<UniqueFd> connections;
  size_t accepted = 0;
  for (int i = 0; i < 200; ++i) {
    connections.push_back(Connect());
    accepted += TokenOf(connections.back()).empty() ? 0 : 1;
  }
  EXPECT_LE(accepted, 32U);
  EXPECT_GT(accepted, 0U);
  EXPECT_LE(DaemonsDescriptors(), before + 40);
  WaitUntil("they have expired", [&] { return !TokenOf(Connect()).empty(); });
  connections.clear();
  WaitUntil("nothing is left", [&] { return DaemonsDescriptors() <= before + 4; });
}

TEST_F(HostileSessions, DescriptorsAndGarbageAreIgnored) {
  size_t before = DaemonsDescriptors();
  UniqueFd connection = Connect();
  std::string token = TokenOf(connection);
  std::vector<RoleFd> many(200, RoleFd(shim::FdRole::kStdin, STDIN_FILENO));
  ASSERT_TRUE(SendFrame(connection.get(), 63, 0, "x", many));
  ASSERT_EQ(send(connection.get(), "\xff", 1, MSG_NOSIGNAL), 1);
  EXPECT_TRUE(Exec(token, {"sh", "-c", "exit 5"}).ok());
  auto streams = ReceiveFrame(connection.get());
  ASSERT_TRUE(streams && streams->type == static_cast<uint32_t>(shim::SessionMessage::kStreams));
  EXPECT_EQ(streams->fds.size(), 2U);
  for (;;) {
    auto frame = ReceiveFrame(connection.get());
    ASSERT_TRUE(frame) << frame.error().ToString();
    if (frame->type != static_cast<uint32_t>(shim::ShimMessage::kExecExited)) continue;
    EXPECT_EQ(Decode<shim::ExecExited>(frame->payload, "exit")->exit_code, 5);
    break;
  }
  WaitUntil("nothing is left", [&] { return DaemonsDescriptors() <= before + 4; });
}

TEST_F(HostileSessions, FieldsHaveLimits) {
  UniqueFd connection = Connect();
  api::SessionsExecRequest request;
  request.set_token(TokenOf(connection));
  request.set_container(id_);
  auto expect_refused = [&](const char* field) {
    grpc::Status status = Exec(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << field;
    EXPECT_THAT(status.error_message(), HasSubstr(field));
  };
  expect_refused("command");
  request.add_command(std::string(65'537, 'x'));
  expect_refused("command");
  request.clear_command();
  for (int i = 0; i < 1001; ++i) request.add_command("x");
  expect_refused("command");
  request.clear_command();
  request.add_command("true");
  request.mutable_terminal()->set_rows(65'536);
  expect_refused("terminal");
  request.clear_terminal();
  std::string token = request.token();
  request.set_token(std::string(65, 'x'));
  expect_refused("token");
  request.set_token(token);
  request.set_container(std::string(256, 'x'));
  expect_refused("container");
  request.set_container("nobody");
  EXPECT_EQ(Exec(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_container(id_);
  EXPECT_TRUE(Exec(request).ok()) << "the token was not used by calls that were refused";
}

TEST_F(HostileSessions, OtherUsersCannotConnect) {
  struct stat sessions{}, socket{};
  ASSERT_EQ(stat((instance().socket() + ".sessions").c_str(), &sessions), 0);
  ASSERT_EQ(stat(instance().socket().c_str(), &socket), 0);
  EXPECT_EQ(sessions.st_mode, socket.st_mode);
  EXPECT_EQ(sessions.st_gid, socket.st_gid);
  ASSERT_EQ(chmod((instance().socket() + ".sessions").c_str(), 0666), 0);  // as a mistake would leave it
  pid_t stranger = fork();
  if (stranger == 0) {
    if (setgid(12'345) != 0 || setuid(12'345) != 0) _exit(9);
    UniqueFd connection = Connect();
    _exit(!connection || TokenOf(connection).empty() ? 0 : 1);
  }
  int status = 0;
  waitpid(stranger, &status, 0);
  EXPECT_EQ(status, 0) << "accepted, or another problem";
  chmod((instance().socket() + ".sessions").c_str(), sessions.st_mode & 07777);
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
