// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The daemon's end of a shim's connections, against a peer that the test plays.
#include "cri/shims/shim_client.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <deque>
#include <future>
#include <new>

#include "base/codec.h"
#include "base/error_message.h"
#include "base/spawn.h"
#include "base/time.h"

namespace davit::cri {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr int kPatienceMs = 30'000;

int64_t Soon() {
  return MonotonicMilliseconds() + kPatienceMs;
}

// What came of one event, for a thread that waits for it.
template <typename T>
class Inbox {
 public:
  void Put(T value) {
    MutexLock lock(mutex_);
    values_.push_back(std::move(value));
    changed_.NotifyAll();
  }
  std::optional<T> Take() {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    MutexLock lock(mutex_);
    while (values_.empty() && changed_.WaitUntil(mutex_, deadline)) {
    }
    if (values_.empty()) {
      ADD_FAILURE() << "nothing comes";
      return std::nullopt;
    }
    T value = std::move(values_.front());
    values_.pop_front();
    return value;
  }
  // Without waiting.
  std::optional<T> Peek() {
    MutexLock lock(mutex_);
    return values_.empty() ? std::nullopt : std::optional(values_.front());
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<T> values_ GUARDED_BY(mutex_);
};

// The shim is a process that sleeps, and its socket is here. Each connection that the daemon makes shows up
// in `connections_`.
class ShimClientTest : public ::testing::Test {
 protected:
  ShimClientTest() {
    process_ = *Spawn({.program = "/bin/sleep", .args = {"sleep", "1000"}, .env = {}, .fds = {}});
    reactor_ = *Reactor::Start();
  }
  ~ShimClientTest() override {
    if (client_) client_->Close();
    (void)process_.pidfd.Signal(SIGKILL);
    waitpid(process_.pid, nullptr, 0);
  }

  ShimLink::Connect Connector() {
    return [this]() -> Result<UniqueFd> {
      if (refuses_) {
        refused_.Put(true);
        return Fail(Code::kUnavailable, "connect", "shim", "nobody listens for now");
      }
      auto [ours, theirs] = TRY(FramePair());
      connections_.Put(std::make_shared<UniqueFd>(std::move(theirs)));
      return std::move(ours);
    };
  }
  ShimEvents Events() {
    ShimEvents events;
    events.container_exited = [this](const shim::ContainerExited& exited) { exits_.Put(exited); };
    events.exec_exited = [](const shim::ExecExited&) { throw std::bad_alloc(); };
    events.sandbox_failed = [this](const std::string& reason) { failures_.Put(reason); };
    events.met = [this](ShimState state) { met_.Put(std::make_shared<ShimState>(std::move(state))); };
    events.not_understood = [this](const Error& error) { not_understood_.Put(error); };
    events.died = [this] { died_.Put(true); };
    return events;
  }

  void Open(ShimClient::First first) {
    ShimLink::Connect connect = Connector();
    client_ =
        ShimClient::Open(*reactor_, "pod", *connect(), *PidFd::Open(process_.pid), connect, Events(), first);
    Accept();
  }

  // The next connection of the daemon's takes the place of the last one.
  void Accept() {
    auto connection = connections_.Take();
    ASSERT_TRUE(connection);
    shim_ = std::move(**connection);
  }

  Frame Receive() {
    pollfd readable{shim_.get(), POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) != 1) {
      ADD_FAILURE() << "the daemon sends nothing";
      return {};
    }
    auto frame = ReceiveFrame(shim_.get());
    EXPECT_TRUE(frame) << frame.error().ToString();
    return frame ? std::move(*frame) : Frame();
  }
  Frame Expect(shim::ShimMessage type) {
    Frame frame = Receive();
    EXPECT_EQ(frame.type, static_cast<uint32_t>(type));
    return frame;
  }
  void Send(shim::ShimMessage type, uint32_t request_id, const std::string& payload,
            std::vector<RoleFd> fds = {}) {
    auto sent = SendFrame(shim_.get(), static_cast<uint32_t>(type), request_id, payload, fds);
    EXPECT_TRUE(sent) << sent.error().ToString();
  }
  void SendBytes(const std::string& bytes) {
    EXPECT_EQ(send(shim_.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  void AnswerHello(const shim::HelloReply& reply, std::vector<RoleFd> fds = {}) {
    Send(shim::ShimMessage::kHelloReply, Expect(shim::ShimMessage::kHello).request_id, Encode(reply),
         std::move(fds));
  }
  // As a stopped shim leaves it.
  void FillSocket() {
    Result<> sent;
    while (sent) sent = client_->HandExec({}, MonotonicMilliseconds());
    EXPECT_EQ(sent.error().code, Code::kDeadlineExceeded);
  }
  // Hands over commands on many threads at once, none of which succeeds.
  std::vector<std::string> ErrorsOfManyCommands() {
    std::vector<std::future<Result<>>> commands;
    for (int i = 0; i < 16; ++i) {
      commands.push_back(std::async(std::launch::async, [this] { return client_->HandExec({}, Soon()); }));
    }
    std::vector<std::string> errors;
    for (auto& command : commands) {
      Result<> handed = command.get();
      EXPECT_EQ(handed.error().code, Code::kUnavailable);
      errors.push_back(handed.error().ToString());
    }
    return errors;
  }
  static shim::HelloReply Plain() {
    shim::HelloReply reply;
    reply.shim = shim::kOwnVersions;
    reply.sandbox_started = true;
    return reply;
  }
  static shim::LiveContainer Live(const std::string& id) { return {id, 1, 0, 0, 0, {}}; }

  ChildProcess process_;
  std::unique_ptr<Reactor> reactor_;
  std::atomic<bool> refuses_ = false;
  Inbox<bool> refused_;
  Inbox<std::shared_ptr<UniqueFd>> connections_;
  UniqueFd shim_;
  Inbox<shim::ContainerExited> exits_;
  Inbox<std::string> failures_;
  Inbox<std::shared_ptr<ShimState>> met_;
  Inbox<Error> not_understood_;
  Inbox<bool> died_;
  std::shared_ptr<ShimClient> client_;
};

ino_t InodeOf(int fd) {
  struct stat st{};
  EXPECT_EQ(fstat(fd, &st), 0);
  return st.st_ino;
}

TEST_F(ShimClientTest, MeetsAShimThatIsSilentAtFirst) {
  Open(ShimClient::First::kMeet);
  Frame hello = Expect(shim::ShimMessage::kHello);
  // Nothing is said for now; a request that has a deadline of its own does not wait for that.
  auto late = client_->ReopenLog("c", 0, MonotonicMilliseconds() + 20);
  EXPECT_EQ(late.error().code, Code::kDeadlineExceeded);
  reactor_->Await([] {});  // whatever the timeout causes has happened

  Send(shim::ShimMessage::kHelloReply, hello.request_id, Encode(Plain()));

  ASSERT_TRUE(met_.Take());
  EXPECT_TRUE(client_->alive());
}

TEST_F(ShimClientTest, MeetsAShimThatCannotBeConnectedToAtFirst) {
  refuses_ = true;
  client_ = ShimClient::Open(*reactor_, "pod", UniqueFd(), *PidFd::Open(process_.pid), Connector(), Events(),
                             ShimClient::First::kMeet);
  ASSERT_TRUE(refused_.Take());
  EXPECT_TRUE(client_->alive());
  refuses_ = false;
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, TakesTheNamespacesByNameInAnyOrder) {
  Open(ShimClient::First::kMeet);
  UniqueFd net(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  UniqueFd user(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
  UniqueFd process(open("/dev/null", O_RDONLY | O_CLOEXEC));
  shim::HelloReply reply = Plain();
  reply.containers = {Live("c1")};
  AnswerHello(reply, {{shim::FdRole::kUserNamespace, user.get()},
                      {static_cast<shim::FdRole>(900), process.get()},  // of a newer shim
                      {shim::FdRole::kNetNamespace, net.get()},
                      {shim::FdRole::kProcess, process.get()}});
  auto state = met_.Take();
  ASSERT_TRUE(state);
  EXPECT_EQ(InodeOf((*state)->namespaces.network.get()), InodeOf(net.get()));
  EXPECT_EQ(InodeOf((*state)->namespaces.user.get()), InodeOf(user.get()));
  EXPECT_EQ((*state)->containers.size(), 1U);
}

TEST_F(ShimClientTest, AsksForAllPagesOfManyContainers) {
  Open(ShimClient::First::kMeet);
  UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  shim::HelloReply first = Plain();
  first.containers = {Live("c1"), Live("c2")};
  first.more = true;
  AnswerHello(first, {{shim::FdRole::kProcess, null.get()}, {shim::FdRole::kProcess, null.get()}});

  Frame next = Expect(shim::ShimMessage::kHello);
  EXPECT_EQ(Decode<shim::HelloRequest>(next.payload, "hello")->after, "c2");
  shim::HelloReply last = Plain();
  last.containers = {Live("c3")};
  Send(shim::ShimMessage::kHelloReply, next.request_id, Encode(last), {{shim::FdRole::kProcess, null.get()}});

  auto state = met_.Take();
  ASSERT_TRUE(state);
  ASSERT_EQ((*state)->containers.size(), 3U);
  EXPECT_EQ((*state)->containers[2].live.container_id, "c3");
}

TEST_F(ShimClientTest, ConnectsAgainWhileTheProcessLives) {
  Open(ShimClient::First::kMeet);
  AnswerHello(Plain());
  ASSERT_TRUE(met_.Take());

  shim_.Reset();  // the shim hangs up
  Accept();

  shim::HelloReply reply = Plain();
  reply.unrecorded_exits = {{"c1", 3, 0, false, 1}};
  reply.sandbox_failed = "its PID 1 ended";
  AnswerHello(reply);
  ASSERT_TRUE(met_.Take());
  EXPECT_EQ(exits_.Take().value_or(shim::ContainerExited()).container_id, "c1");
  EXPECT_EQ(failures_.Take(), "its PID 1 ended");
  EXPECT_TRUE(client_->alive());
  client_->KillContainer("c9");
  EXPECT_EQ(
      Decode<shim::KillContainer>(Expect(shim::ShimMessage::kKillContainer).payload, "kill")->container_id,
      "c9");
}

// Takes all descriptors that this process may still open.
std::vector<UniqueFd> TakeAllDescriptors() {
  std::vector<UniqueFd> taken;
  for (UniqueFd fd(dup(STDIN_FILENO)); fd; fd.Reset(dup(STDIN_FILENO))) taken.push_back(std::move(fd));
  EXPECT_EQ(errno, EMFILE);
  return taken;
}

TEST_F(ShimClientTest, ConnectsAgainAfterDescriptorsHadRunOut) {
  Open(ShimClient::First::kMeet);
  AnswerHello(Plain());
  ASSERT_TRUE(met_.Take());

  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit few = before;
  few.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<UniqueFd> taken = TakeAllDescriptors();
  SendBytes(std::string(100, 'x'));
  pollfd hung_up{shim_.get(), 0, 0};
  EXPECT_EQ(poll(&hung_up, 1, kPatienceMs), 1) << "the daemon gives the connection up";
  taken.clear();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, WhatIsUnderWayFailsWithTheConnection) {
  Open(ShimClient::First::kNothing);
  auto start = std::async(std::launch::async, [this] {
    return client_->StartContainer({"c1", 1000, "plan", {}}, Soon()).error();
  });
  Expect(shim::ShimMessage::kStartContainer);
  shim_.Reset();
  EXPECT_EQ(start.get().code, Code::kUnavailable);
}

TEST_F(ShimClientTest, ARequestWaitsForTheNextConnection) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take()) << "from here on there is no connection";
  auto reopened = std::async(std::launch::async, [this] { return client_->ReopenLog("c1", 0, Soon()); });
  refuses_ = false;
  Accept();
  AnswerHello(Plain());  // goes first, although a request waits
  Send(shim::ShimMessage::kDone, Expect(shim::ShimMessage::kReopenLog).request_id, "");
  auto result = reopened.get();
  EXPECT_TRUE(result) << result.error().ToString();
}

TEST_F(ShimClientTest, ACommandWaitsForTheNextConnection) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take()) << "from here on there is no connection";
  auto handed = std::async(std::launch::async, [this] { return client_->HandExec({}, Soon()); });
  refuses_ = false;
  Accept();
  AnswerHello(Plain());
  Expect(shim::ShimMessage::kExec);
  EXPECT_TRUE(handed.get());
}

TEST_F(ShimClientTest, ACommandDoesNotWaitForAConnectionUntilItsDeadline) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take());
  int64_t deadline = Soon();
  EXPECT_EQ(client_->HandExec({}, deadline).error().code, Code::kUnavailable);
  EXPECT_LT(MonotonicMilliseconds(), deadline - kPatienceMs / 2);
}

TEST_F(ShimClientTest, ACommandDoesNotWaitForRoomUntilItsDeadline) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  int64_t deadline = Soon();
  EXPECT_EQ(client_->HandExec({}, deadline).error().code, Code::kUnavailable)
      << "kDeadlineExceeded would mean to the kubelet that the command was too slow";
  EXPECT_LT(MonotonicMilliseconds(), deadline - kPatienceMs / 2);
}

TEST_F(ShimClientTest, ACommandWithoutTimeIsTooLate) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  EXPECT_EQ(client_->HandExec({}, MonotonicMilliseconds() + 20).error().code, Code::kDeadlineExceeded);
}

TEST_F(ShimClientTest, OnlyAFewCommandsWaitForAShimThatDoesNotRead) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  EXPECT_THAT(ErrorsOfManyCommands(), Contains(HasSubstr("already wait")));
}

TEST_F(ShimClientTest, OnlyAFewCommandsWaitForAConnection) {
  Open(ShimClient::First::kNothing);
  refuses_ = true;
  shim_.Reset();
  ASSERT_TRUE(refused_.Take());
  EXPECT_THAT(ErrorsOfManyCommands(), Contains(HasSubstr("already wait")));
}

TEST_F(ShimClientTest, OneStreamWaitsForAShimThatDoesNotRead) {
  Open(ShimClient::First::kNothing);
  FillSocket();
  auto attach = [this] {
    std::promise<std::string> error;
    client_->Attach("c1", false, {}, [&error](const Result<AttachedInput>& input) {
      error.set_value(input ? "" : input.error().ToString());
    });
    return error.get_future().get();
  };
  auto other = std::async(std::launch::async, attach);
  std::vector<std::string> errors = {attach(), other.get()};
  EXPECT_THAT(errors, UnorderedElementsAre(HasSubstr("already wait"), HasSubstr("does not read")));
}

TEST_F(ShimClientTest, GarbageIsAnsweredByANewConnectionAndNoDeath) {
  Open(ShimClient::First::kMeet);
  AnswerHello(Plain());
  ASSERT_TRUE(met_.Take());
  SendBytes(std::string(100, 'x'));
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take()) << "what was missed is looked up";
  EXPECT_TRUE(client_->alive());
}

TEST_F(ShimClientTest, AnAnswerThatCannotBeReadFailsItsRequestAlone) {
  Open(ShimClient::First::kNothing);
  auto broken = std::async(std::launch::async, [this] { return client_->ReopenLog("c1", 0, Soon()); });
  uint32_t first = Expect(shim::ShimMessage::kReopenLog).request_id;
  auto whole = std::async(std::launch::async, [this] { return client_->ReopenLog("c2", 0, Soon()); });
  uint32_t second = Expect(shim::ShimMessage::kReopenLog).request_id;

  // Type and request are there, the payload is cut.
  SendBytes(std::string("\x08\x19\x10") + static_cast<char>(first) + std::string("\x22\x05xy", 4));
  Send(shim::ShimMessage::kDone, second, "");

  EXPECT_EQ(broken.get().error().code, Code::kDataLoss);
  EXPECT_TRUE(whole.get()) << "on the same connection";
}

TEST_F(ShimClientTest, AHelloThatCannotBeReadIsReportedAndAskedAgain) {
  Open(ShimClient::First::kMeet);
  Send(shim::ShimMessage::kHelloReply, Expect(shim::ShimMessage::kHello).request_id, "\xff\xff");
  auto error = not_understood_.Take();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Code::kDataLoss);
  Accept();
  shim::HelloReply lacking = Plain();
  lacking.containers = {Live("c1")};
  AnswerHello(lacking);  // without its process
  EXPECT_THAT(not_understood_.Take().value_or(Error()).ToString(),
              HasSubstr("as many processes as containers"));
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, AnEventThatCannotBeReadIsMadeUpForByHello) {
  Open(ShimClient::First::kNothing);
  Send(shim::ShimMessage::kContainerExited, 0, "\xff\xff");
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
}

TEST_F(ShimClientTest, ACallbackThatThrowsIsMadeUpForByHello) {
  Open(ShimClient::First::kNothing);
  Send(shim::ShimMessage::kExecExited, 0, Encode(shim::ExecExited{}));
  Accept();
  AnswerHello(Plain());
  EXPECT_TRUE(met_.Take());
  Send(shim::ShimMessage::kContainerExited, 0, Encode(shim::ContainerExited{"c1", 0, 0, false, 1}));
  EXPECT_EQ(exits_.Take().value_or(shim::ContainerExited()).container_id, "c1") << "the connection is read";
}

TEST_F(ShimClientTest, AnUnknownEventIsPassedOver) {
  Open(ShimClient::First::kNothing);
  Send(static_cast<shim::ShimMessage>(999), 0, "\xff\xff");
  Send(shim::ShimMessage::kContainerExited, 0, Encode(shim::ContainerExited{"c1", 0, 0, false, 1}));
  EXPECT_EQ(exits_.Take().value_or(shim::ContainerExited()).container_id, "c1");
}

TEST_F(ShimClientTest, AShimOfAForeignVersionCanBeEndedAndNothingElse) {
  for (const shim::Versions& foreign :
       {shim::Versions{900, 899}, shim::Versions{shim::kOldestShimProtocol - 1, 0}}) {
    Open(ShimClient::First::kMeet);
    shim::HelloReply reply = Plain();
    reply.shim = foreign;
    AnswerHello(reply);
    auto error = not_understood_.Take();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, Code::kUnimplemented);
    EXPECT_THAT(error->ToString(), HasSubstr("protocol " + std::to_string(foreign.version)));
    EXPECT_EQ(client_->StartContainer({"c1", 1000, "plan", {}}, Soon()).error().code, Code::kUnimplemented);
    EXPECT_EQ(client_->HandExec({}, Soon()).error().code, Code::kUnimplemented);
    EXPECT_TRUE(client_->alive()) << "its containers run";

    client_->KillContainer("c1");
    Expect(shim::ShimMessage::kKillContainer);
    auto shutdown =
        std::async(std::launch::async, [this] { return client_->Shutdown(MonotonicMilliseconds() + 20); });
    Send(shim::ShimMessage::kDone, Expect(shim::ShimMessage::kShutdown).request_id, "");
    EXPECT_EQ(shutdown.get().error().code, Code::kDeadlineExceeded) << "this one stays";
    client_->Close();
  }
}

TEST_F(ShimClientTest, AShimOfAForeignVersionStartsNoSandbox) {
  Open(ShimClient::First::kNothing);
  auto starting = std::async(std::launch::async, [this] { return client_->StartSandbox({}, Soon()); });
  Frame request = Expect(shim::ShimMessage::kStartSandbox);
  EXPECT_EQ(Decode<shim::StartSandbox>(request.payload, "start")->daemon.version, shim::kShimProtocolVersion);
  Send(shim::ShimMessage::kSandboxStarted, request.request_id, Encode(shim::SandboxStarted{{900, 899}}));
  auto started = starting.get();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kUnimplemented);
}

TEST_F(ShimClientTest, AStartedSandboxMustHaveItsNamespaces) {
  Open(ShimClient::First::kNothing);
  auto starting = std::async(std::launch::async, [this] { return client_->StartSandbox({}, Soon()); });
  Frame request = Expect(shim::ShimMessage::kStartSandbox);
  UniqueFd user(open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC));
  Send(shim::ShimMessage::kSandboxStarted, request.request_id,
       Encode(shim::SandboxStarted{shim::kOwnVersions}), {{shim::FdRole::kUserNamespace, user.get()}});
  auto started = starting.get();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().ToString(), HasSubstr("role 31 is missing"));
}

TEST_F(ShimClientTest, TheDeathOfTheProcessIsTheLastEvent) {
  Open(ShimClient::First::kNothing);
  // The reactor sees both at once, the death first.
  std::promise<void> look;
  reactor_->Post([&look] { look.get_future().wait(); });
  ASSERT_TRUE(process_.pidfd.Signal(SIGKILL));
  ASSERT_TRUE(*process_.pidfd.WaitExit(kPatienceMs));
  Send(shim::ShimMessage::kContainerExited, 0, Encode(shim::ContainerExited{"c1", 0, 0, false, 1}));
  look.set_value();
  EXPECT_TRUE(died_.Take());
  auto exited = exits_.Peek();
  ASSERT_TRUE(exited) << "reported before the death";
  EXPECT_EQ(exited->container_id, "c1");
  EXPECT_FALSE(client_->alive());
  EXPECT_EQ(client_->ReopenLog("c1", 0, Soon()).error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace davit::cri
