// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cstring>
#include <filesystem>

#include "base/acceptor.h"
#include "base/atomic_file.h"
#include "base/event_loop.h"
#include "base/file_io.h"
#include "base/frame.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/memfd.h"
#include "base/ns_handle.h"
#include "base/number.h"
#include "base/open_beneath.h"
#include "base/pid_fd.h"
#include "base/plain_name.h"
#include "base/run_program.h"
#include "base/spawn.h"
#include "base/time.h"
#include "base/utf8.h"

namespace davit {
namespace {

using ::testing::HasSubstr;

class ScratchDir : public ::testing::Test {
 protected:
  ScratchDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "davit-base-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
    dir_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~ScratchDir() override { std::filesystem::remove_all(path_); }

  std::string path_;
  UniqueFd dir_;
};

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail(Code::kInvalidArgument, "halve", std::to_string(n), "odd");
  return n / 2;
}
Result<int> Quarter(int n) {
  return Half(TRY(Half(n)));
}

TEST(Error, TryReturnsTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().ToString(), "halve 3: odd");
}

TEST(Error, NamesCallSubjectAndErrno) {
  auto missing = ReadFile("/does/not/exist");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_EQ(Within("start", missing.error()).ToString(),
            "start: open /does/not/exist: No such file or directory");
}

TEST(UniqueFd, MoveAssignmentClosesTheOldDescriptor) {
  UniqueFd a(open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd b(open("/dev/null", O_RDONLY | O_CLOEXEC));
  int old = a.get();
  a = std::move(b);
  EXPECT_EQ(fcntl(old, F_GETFD), -1);
  EXPECT_NE(fcntl(a.get(), F_GETFD), -1);
}

TEST(RunProgram, GivesTheInputAndTakesBothOutputs) {
  auto outcome = RunProgram(
      "test", {.program = "/bin/sh", .args = {"-c", "cat; echo no >&2; exit 3"}, .env = {}, .input = "yes"});
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->status.code, 3);
  EXPECT_EQ(outcome->output, "yes");
  EXPECT_EQ(outcome->diagnostics, "no\n");
}

TEST(RunProgram, EndsOneThatTakesTooLong) {
  auto outcome = RunProgram(
      "test", {.program = "/bin/sleep", .args = {"600"}, .env = {}, .input = "", .timeout_ms = 50});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kDeadlineExceeded);
}

TEST(RunProgram, EndsOneThatIsInterrupted) {
  UniqueFd interrupt(eventfd(1, EFD_CLOEXEC));
  auto outcome = RunProgram(
      "test",
      {.program = "/bin/sleep", .args = {"600"}, .env = {}, .input = "", .interrupt_fd = interrupt.get()});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kCancelled);
}

TEST(RunProgram, EndsOneThatWritesTooMuchOrCutsItsOutput) {
  ProgramRun flood{
      .program = "/bin/sh", .args = {"-c", "yes | head -c 3000000; exit 5"}, .env = {}, .input = ""};
  flood.env = {"PATH=/usr/bin:/bin"};
  auto refused = RunProgram("test", flood);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kResourceExhausted);
  flood.long_output = LongOutput::kIsCut;
  flood.output_limit = 1001;
  auto outcome = RunProgram("test", flood);
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->status.code, 5);
  EXPECT_EQ(outcome->output.size(), 1001u);
}

TEST(RunProgram, DoesNotHoldWhatAProgramWritesForEver) {
  auto outcome = RunProgram("test", {.program = "/usr/bin/yes", .args = {}, .env = {}, .input = ""});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kResourceExhausted);
}

TEST(RunProgram, TakesTheLastOutputOfAProgramWhoseChildRunsOn) {
  auto outcome = RunProgram("test", {.program = "/bin/sh",
                                     .args = {"-c", "(/bin/sleep 5 &) ; printf last; exit 0"},
                                     .env = {},
                                     .input = "",
                                     .timeout_ms = 4000});
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_EQ(outcome->output, "last");
}

TEST(RunProgram, EndsOneThatIsCancelled) {
  int asked = 0;
  ProgramRun run{.program = "/bin/sleep", .args = {"600"}, .env = {}, .input = ""};
  run.cancelled = [&asked] { return ++asked == 3; };
  EXPECT_EQ(RunProgram("test", run).error().code, Code::kCancelled);
}

TEST(OneLine, IsValidTextWithoutControlCharacters) {
  EXPECT_EQ(OneLine(" a\n\tb \x1b[1mc\r\n", 100), "a b [1mc");
  EXPECT_EQ(OneLine("\xc3\xa9\xff\xed\xa0\x80.", 100),
            "\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd.");
  EXPECT_EQ(OneLine("abc\xc3\xa9", 4), "abc...") << "no half characters";
  EXPECT_EQ(OneLine("", 4), "");
}

TEST(ValidUtf8, KeepsLinesAndEndsBetweenCharacters) {
  EXPECT_EQ(ValidUtf8("a\n b\xff\n", 100), "a\n b\xef\xbf\xbd\n");
  EXPECT_EQ(ValidUtf8("abc\xc3\xa9", 4), "abc");
  EXPECT_EQ(ValidUtf8("\xff\xff", 5), "\xef\xbf\xbd") << "also those that stand for bytes";
}

TEST(Memfd, IsSealedAndRefusesUnsealedOnes) {
  auto fd = MakeSealedMemfd("plan", "content");
  ASSERT_TRUE(fd) << fd.error().ToString();
  EXPECT_EQ(*ReadSealedMemfd(fd->get(), 100), "content");
  EXPECT_EQ(write(fd->get(), "x", 1), -1);
  EXPECT_FALSE(ReadSealedMemfd(fd->get(), 3));
  UniqueFd open_one(memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ReadSealedMemfd(open_one.get(), 100).error().code, Code::kInvalidArgument);
}

TEST_F(ScratchDir, AtomicFileReplacesAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteFileAtomically(dir_.get(), "f", "one", 0600, Durability::kVolatile));
  ASSERT_TRUE(WriteFileAtomically(dir_.get(), "f", "two", 0600, Durability::kDurable));
  EXPECT_EQ(*ReadFileAt(dir_.get(), "f"), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_), {}), 1);
}

TEST_F(ScratchDir, BeneathRefusesEscapesThatInRootConfines) {
  ASSERT_EQ(symlinkat("/etc", dir_.get(), "out"), 0);
  auto refused = OpenBeneath(dir_.get(), "out/passwd", Resolve::kBeneath, O_RDONLY);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().os_errno, EXDEV);
  EXPECT_EQ(OpenBeneath(dir_.get(), "out/passwd", Resolve::kInRoot, O_RDONLY).error().os_errno, ENOENT);
  EXPECT_EQ(OpenBeneath(dir_.get(), "out", Resolve::kStrict, O_RDONLY).error().os_errno, ELOOP);
}

TEST(Ids, AreDistinctAndRecognized) {
  auto a = NewId();
  auto b = NewId();
  ASSERT_TRUE(a && b);
  EXPECT_NE(*a, *b);
  EXPECT_TRUE(IsId(*a));
  EXPECT_FALSE(IsId(a->substr(1)));
  EXPECT_FALSE(IsId(std::string(63, 'a') + "/"));
}

TEST(EventLoop, DropsEventsOfARemovedWatch) {
  auto loop = EventLoop::Create();
  ASSERT_TRUE(loop);
  auto one = FramePair();
  auto two = FramePair();
  ASSERT_TRUE(one && two);
  int calls = 0;
  auto remove_both = [&](uint32_t) {
    ++calls;
    loop->Remove(one->second.get());
    loop->Remove(two->second.get());
  };
  ASSERT_TRUE(loop->Add(one->second.get(), EPOLLIN, remove_both));
  ASSERT_TRUE(loop->Add(two->second.get(), EPOLLIN, remove_both));
  ASSERT_TRUE(SendFrame(one->first.get(), 1, 1, ""));
  ASSERT_TRUE(SendFrame(two->first.get(), 1, 1, ""));
  ASSERT_TRUE(loop->RunOnce(1000));
  EXPECT_EQ(calls, 1);
}

class AcceptorTest : public ::testing::Test {
 protected:
  AcceptorTest() {
    socklen_t size = sizeof address_;
    UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    EXPECT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(sa_family_t)),
              0);  // autobind
    EXPECT_EQ(listen(listener.get(), 8), 0);
    EXPECT_EQ(getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address_), &size), 0);
    address_size_ = size;
    acceptor_ = Acceptor::Start(loop_, std::move(listener), [this](UniqueFd) { ++connections_; }).value();
    getrlimit(RLIMIT_NOFILE, &limit_);
  }
  ~AcceptorTest() override { setrlimit(RLIMIT_NOFILE, &limit_); }

  UniqueFd Connect() {
    UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address_), address_size_), 0);
    return client;
  }

  EventLoop loop_ = EventLoop::Create().value();
  sockaddr_un address_{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t address_size_ = 0;
  rlimit limit_{};
  int connections_ = 0;
  std::unique_ptr<Acceptor> acceptor_;
};

TEST_F(AcceptorTest, HandsOverEveryConnection) {
  UniqueFd one = Connect();
  UniqueFd two = Connect();
  while (connections_ < 2) ASSERT_TRUE(loop_.RunOnce(1000));
}

TEST_F(AcceptorTest, WithoutDescriptorsItWaitsAndTriesAgain) {
  UniqueFd client = Connect();
  rlimit none = limit_;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  ASSERT_TRUE(loop_.RunOnce(1000));  // the attempt
  int64_t before = MonotonicMilliseconds();
  ASSERT_TRUE(loop_.RunOnce(100));
  EXPECT_GE(MonotonicMilliseconds() - before, 90) << "the loop is busy";
  EXPECT_EQ(connections_, 0);
  setrlimit(RLIMIT_NOFILE, &limit_);
  while (connections_ < 1) ASSERT_TRUE(loop_.RunOnce(3000));
}

TEST(Spawn, RunsASealedMemfdWhoseNumberIsTakenInTheChild) {
  auto program = MakeSealedMemfd("true", *ReadFile("/bin/true"), MemfdUse::kExecutable);
  ASSERT_TRUE(program);
  SpawnRequest request;
  request.program = "/proc/self/fd/" + std::to_string(program->get());
  request.args = {"true"};
  request.fds = {{STDERR_FILENO, program->get()}};
  auto child = Spawn(request);
  ASSERT_TRUE(child) << child.error().ToString();
  auto status = Reap(*child);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 0);
}

TEST(Spawn, PassesOnlyTheNamedDescriptorsAndVariablesAndReportsTheExit) {
  setenv("LEAK", "leaked", /*overwrite=*/1);
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  SpawnRequest request;
  request.program = "/bin/sh";
  request.args = {"sh", "-c", "echo $X$LEAK; pwd; ls /proc/self/fd | wc -l; exit 3"};
  request.env = {"X=value", "PATH=/usr/bin:/bin"};
  request.fds = {{writer.get(), 1}};
  auto child = Spawn(request);
  ASSERT_TRUE(child) << child.error().ToString();
  writer.Reset();
  EXPECT_EQ(*ReadFd(reader.get(), "pipe"), "value\n/\n4\n");  // 0, 1, 2 and the directory that ls reads
  auto status = Reap(*child);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 3);
}

TEST(PidFd, DoesNotTakeAnotherProcessForTheOneIdentified) {
  auto self = IdentifyProcess(getpid());
  ASSERT_TRUE(self);
  EXPECT_TRUE(PidFd::Open(*self));
  self->start_time += 1;
  EXPECT_EQ(PidFd::Open(*self).error().code, Code::kNotFound);
}

TEST(WholeNumber, IsAllOfTheText) {
  EXPECT_EQ(WholeNumber<uint32_t>("4294967295"), 4294967295u);
  EXPECT_EQ(WholeNumber<uint32_t>("0755", 8), 0755u);
  EXPECT_EQ(WholeNumber<int64_t>("-5"), -5);
  for (const char* bad : {"", "4294967296", "-1", "+1", " 1", "1 ", "1x", "x"})
    EXPECT_FALSE(WholeNumber<uint32_t>(bad)) << bad;
}

TEST(PlainName, HasLettersDigitsAndThreeSigns) {
  for (const char* good : {"a", "0", "Web_1.2-x"}) EXPECT_TRUE(IsPlainName(good)) << good;
  for (const char* bad : {"", ".", "..", "_a", "-a", "a/b", "a b", "a\n", "ä", "a:b"})
    EXPECT_FALSE(IsPlainName(bad)) << bad;
}

TEST(Log, QuotesWhatNeedsIt) {
  EXPECT_EQ(
      FormatLogLine(LogLevel::kInfo, 1'000'000'001, "pod up", {{"id", "abc"}, {"error", "a \"b\"\n"}}),
      "time=1970-01-01T00:00:01.000000001Z level=info msg=\"pod up\" id=abc error=\"a \\\"b\\\"\\x0a\"\n");
}

TEST(NsHandle, WrongTypeIsRefused) {
  auto net = NsHandle::OfSelf("net");
  ASSERT_TRUE(net);
  EXPECT_EQ(net->Enter(CLONE_NEWUTS).error().os_errno, EINVAL);
}

}  // namespace
}  // namespace davit
