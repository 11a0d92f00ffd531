// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A real server with fakes behind it.

#include "cri/service/async_calls.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>

#include <condition_variable>
#include <filesystem>
#include <iterator>
#include <latch>
#include <mutex>
#include <stdexcept>

#include "cri/service/rpc.h"

namespace davit::cri {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kPatience{30};

class FakeService final : public AsyncRuntimeService {
 public:
  FakeService(Admission& admission, const Logger& log) : edge_{log, admission} {}

  grpc::Status Version(grpc::ServerContext* context, const v1::VersionRequest*,
                       v1::VersionResponse* response) override {
    return Serve(edge_, CallClass::kLook, context, "Version", "", response,
                 [](Call&) -> Result<v1::VersionResponse> { return v1::VersionResponse(); });
  }
  // Throws.
  grpc::Status Status(grpc::ServerContext* context, const v1::StatusRequest*,
                      v1::StatusResponse* response) override {
    return Serve(edge_, CallClass::kLook, context, "Status", "", response,
                 [](Call&) -> Result<v1::StatusResponse> { throw std::runtime_error("thrown by a test"); });
  }
  // Waits until the test lets it go.
  grpc::Status StartContainer(grpc::ServerContext* context, const v1::StartContainerRequest*,
                              v1::StartContainerResponse* response) override {
    return Serve(edge_, CallClass::kStart, context, "StartContainer", "", response,
                 [this](Call&) -> Result<v1::StartContainerResponse> {
                   std::unique_lock lock(mutex_);
                   ++hanging_;
                   changed_.notify_all();
                   changed_.wait(lock, [this] { return released_; });
                   return v1::StartContainerResponse();
                 });
  }
  grpc::Status StopContainer(grpc::ServerContext* context, const v1::StopContainerRequest*,
                             v1::StopContainerResponse* response) override {
    return Serve(edge_, CallClass::kStop, context, "StopContainer", "", response,
                 [](Call&) -> Result<v1::StopContainerResponse> { return v1::StopContainerResponse(); });
  }

  bool AwaitHanging(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return hanging_ == count; });
  }
  void Release() {
    std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

 private:
  const Edge edge_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int hanging_ = 0;
  bool released_ = false;
};

// Commands that run until the test ends them.
class FakeExecs {
 public:
  void Begin(const v1::ExecSyncRequest& request, std::stop_token gone, AsyncExecSetting::Done done) {
    if (request.container_id() == "throw") throw std::runtime_error("thrown by a test");
    std::lock_guard lock(mutex_);
    running_.push_back(done);
    on_gone_.push_back(std::make_unique<OnGone>(gone, [this, done] {
      done(Fail(Code::kCancelled, "exec", "command", "the client is gone"));
      std::lock_guard counting(mutex_);
      ++gone_;
      changed_.notify_all();
    }));
    changed_.notify_all();
  }
  bool AwaitRunning(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return running_.size() == count; });
  }
  bool AwaitGone(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return gone_ == count; });
  }
  void EndAll() {
    v1::ExecSyncResponse response;
    response.set_stdout("output");
    for (const auto& done : running_) done(response);
  }

 private:
  using OnGone = std::stop_callback<std::function<void()>>;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<AsyncExecSetting::Done> running_;
  std::vector<std::unique_ptr<OnGone>> on_gone_;
  int gone_ = 0;
};

class AsyncCallsTest : public ::testing::Test {
 protected:
  static constexpr int kMany = 1000;
  static constexpr int kThreads = 4;  // of a class
  static constexpr int kStreams = 16;
  static constexpr int kListed = 60;

  AsyncCallsTest() {
    char path[] = "/tmp/davit-async-calls-XXXXXX";
    EXPECT_NE(mkdtemp(path), nullptr);
    directory_ = path;
    std::string address = "unix://" + directory_ + "/socket";
    grpc::ServerBuilder builder;
    grpc::ResourceQuota quota("test");
    quota.SetMaxThreads(admission_.most_threads() + 4);
    builder.SetResourceQuota(quota);
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    calls_ = std::make_unique<AsyncCalls>(
        builder, service_, admission_, log_,
        [this](auto on_news, auto cut_off) { return feed_.Watch(on_news, cut_off); },
        [this](const v1::ExecSyncRequest& request, Call&, std::stop_token gone, auto done) {
          execs_.Begin(request, std::move(gone), done);
        });
    server_ = builder.BuildAndStart();
    calls_->Start();
    AcceptListStreams(
        calls_->lists(), "StreamContainers", service_, &AsyncRuntimeService::RequestStreamContainers,
        [](const auto&, const v1::StreamContainersRequest& request) { return List(request); },
        &v1::StreamContainersResponse::add_containers);
    address_ = address;
    stub_ = Connect();
  }
  ~AsyncCallsTest() override {
    Stop();
    std::filesystem::remove_all(directory_);
  }

  // A client with a connection of its own. What one client does not read fills its connection.
  std::unique_ptr<v1::RuntimeService::Stub> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::RuntimeService::NewStub(
        grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
  }

  void Stop() {
    service_.Release();
    feed_.End();
    server_->Shutdown(std::chrono::system_clock::now());
    calls_->Stop();
  }

  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (v1::RuntimeService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                    Response*),
                   const Request& request = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    Response response;
    return (stub_.get()->*method)(&context, request, &response);
  }

  // More than gRPC sends to a client that does not read.
  static Result<std::vector<v1::Container>> List(const v1::StreamContainersRequest& request) {
    if (request.filter().id() == "throw") throw std::runtime_error("thrown by a test");
    if (request.filter().id() == "fail") return Fail(Code::kUnavailable, "list", "containers", "not yet");
    std::vector<v1::Container> containers(kListed);
    for (int i = 0; i < kListed; ++i) {
      containers[i].set_id(std::to_string(i));
      containers[i].set_image_ref(std::string(256 << 10, 'x'));
    }
    return containers;
  }

  // One ExecSync in progress.
  struct Exec {
    grpc::ClientContext context;
    v1::ExecSyncRequest request;
    v1::ExecSyncResponse response;
    grpc::Status status;
  };
  std::vector<std::unique_ptr<Exec>> BeginExecs(int count, std::latch& ended) {
    std::vector<std::unique_ptr<Exec>> execs;
    for (int i = 0; i < count; ++i) {
      execs.push_back(std::make_unique<Exec>());
      Exec& exec = *execs.back();
      stub_->async()->ExecSync(&exec.context, &exec.request, &exec.response, [&exec, &ended](grpc::Status s) {
        exec.status = std::move(s);
        ended.count_down();
      });
    }
    return execs;
  }

  Logger log_{STDERR_FILENO, LogLevel::kError};
  static Admission::Limits FewThreads() {
    Admission::Limits limits;
    limits.fill(kThreads);
    limits[static_cast<size_t>(CallClass::kExec)] = kMany;
    limits[static_cast<size_t>(CallClass::kWatch)] = kMany;
    limits[static_cast<size_t>(CallClass::kStream)] = kStreams;
    return limits;
  }

  Admission admission_{FewThreads()};
  EventFeed feed_;
  FakeExecs execs_;
  FakeService service_{admission_, log_};
  std::string directory_;
  std::string address_;
  std::unique_ptr<AsyncCalls> calls_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::RuntimeService::Stub> stub_;
};

// One client of GetContainerEvents, which knows that it watches.
struct Watching {
  explicit Watching(v1::RuntimeService::Stub& stub) {
    context.set_deadline(std::chrono::system_clock::now() + 2 * kPatience);
    reader = stub.GetContainerEvents(&context, v1::GetEventsRequest());
    reader->WaitForInitialMetadata();
  }
  ~Watching() { context.TryCancel(); }

  std::string NextId() {
    v1::ContainerEventResponse event;
    return reader->Read(&event) ? event.container_id() : "(none)";
  }

  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::ContainerEventResponse>> reader;
};

// One client of StreamContainers.
struct Listing {
  explicit Listing(std::unique_ptr<v1::RuntimeService::Stub> client, const std::string& id = "")
      : stub(std::move(client)) {
    context.set_deadline(std::chrono::system_clock::now() + 2 * kPatience);
    v1::StreamContainersRequest request;
    request.mutable_filter()->set_id(id);
    reader = stub->StreamContainers(&context, request);
  }
  ~Listing() { context.TryCancel(); }

  // Blocks until the list is made.
  void AwaitList() { reader->WaitForInitialMetadata(); }
  // The number of containers in what is left of the stream.
  int ReadAll() {
    int count = 0;
    v1::StreamContainersResponse message;
    while (reader->Read(&message)) count += message.containers_size();
    return count;
  }

  std::unique_ptr<v1::RuntimeService::Stub> stub;
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::StreamContainersResponse>> reader;
};

ptrdiff_t Threads() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
}

EventFeed::Event Named(const std::string& id) {
  auto event = std::make_shared<v1::ContainerEventResponse>();
  event->set_container_id(id);
  return event;
}

TEST_F(AsyncCallsTest, AThousandWatchersLeaveTheThreadsToOtherCallsAndEachGetsAllEvents) {
  std::vector<std::unique_ptr<Watching>> watchers;
  for (int i = 0; i < kMany; ++i) watchers.push_back(std::make_unique<Watching>(*stub_));
  EXPECT_TRUE(Ask(&v1::RuntimeService::Stub::Version).ok());
  for (const char* id : {"a", "b", "c"}) feed_.Publish(Named(id));
  for (auto& watcher : watchers) {
    for (const char* id : {"a", "b", "c"}) ASSERT_EQ(watcher->NextId(), id);
  }
  EXPECT_EQ(Watching(*stub_).reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  watchers.clear();
}

TEST_F(AsyncCallsTest, AWatcherThatGoesIsForgotten) {
  std::make_unique<Watching>(*stub_).reset();
  for (auto until = std::chrono::steady_clock::now() + kPatience;
       feed_.watched() && std::chrono::steady_clock::now() < until;)
    std::this_thread::yield();
  EXPECT_FALSE(feed_.watched());
}

TEST_F(AsyncCallsTest, TheFeedsEndIsTheStreamsEnd) {
  Watching watcher(*stub_);
  feed_.End();
  EXPECT_EQ(watcher.NextId(), "(none)");
  EXPECT_EQ(watcher.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(AsyncCallsTest, AThousandHangingExecsLeaveTheThreadsToOtherCalls) {
  std::latch ended(kMany);
  auto execs = BeginExecs(kMany, ended);
  ASSERT_TRUE(execs_.AwaitRunning(kMany));
  EXPECT_TRUE(Ask(&v1::RuntimeService::Stub::Version).ok());
  EXPECT_TRUE(Ask(&v1::RuntimeService::Stub::StopContainer).ok());
  grpc::Status refused = Ask(&v1::RuntimeService::Stub::ExecSync);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(refused.error_message(), HasSubstr("1000 of them are in progress; try again later"));
  execs_.EndAll();
  ended.wait();
  for (auto& exec : execs) {
    EXPECT_TRUE(exec->status.ok()) << exec->status.error_message();
    EXPECT_EQ(exec->response.stdout(), "output");
  }
}

TEST_F(AsyncCallsTest, AClientThatGoesEndsItsCommand) {
  std::latch ended(2);
  auto execs = BeginExecs(2, ended);
  ASSERT_TRUE(execs_.AwaitRunning(2));
  execs[0]->context.TryCancel();
  EXPECT_TRUE(execs_.AwaitGone(1));
  execs[1]->context.TryCancel();
  EXPECT_TRUE(execs_.AwaitGone(2));
  ended.wait();
}

TEST_F(AsyncCallsTest, StreamsThatNobodyReadsHoldNoThreadAndAreWholeWhenTheyAreRead) {
  {
    EXPECT_EQ(Listing(Connect()).ReadAll(), kListed);
  }
  ptrdiff_t before = Threads();
  std::vector<std::unique_ptr<Listing>> streams;
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<Listing>(Connect()));
    streams.back()->AwaitList();
  }
  EXPECT_LT(Threads(), before + kStreams) << "some threads make the lists";
  EXPECT_TRUE(Ask(&v1::RuntimeService::Stub::Version).ok());
  EXPECT_EQ(Listing(Connect()).reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  for (auto& stream : streams) {
    EXPECT_EQ(stream->ReadAll(), kListed);
    EXPECT_TRUE(stream->reader->Finish().ok());
  }
}

TEST_F(AsyncCallsTest, AStreamWhoseClientGoesGivesItsPlaceBack) {
  std::vector<std::unique_ptr<Listing>> streams;
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<Listing>(Connect()));
    streams.back()->AwaitList();
  }
  streams.clear();
  bool free = false;
  for (auto until = std::chrono::steady_clock::now() + kPatience;
       !free && std::chrono::steady_clock::now() < until;)
    free = Listing(Connect()).ReadAll() == kListed;
  EXPECT_TRUE(free);
}

TEST_F(AsyncCallsTest, AListThatCannotBeMadeIsTheStreamsErrorAndItsPlaceIsFree) {
  grpc::Status failed = Listing(Connect(), "fail").reader->Finish();
  EXPECT_EQ(failed.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(failed.error_message(), HasSubstr("not yet"));
  for (int i = 0; i < kStreams; ++i)
    EXPECT_EQ(Listing(Connect(), "throw").reader->Finish().error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(Listing(Connect()).ReadAll(), kListed);
}

TEST_F(AsyncCallsTest, AnExceptionIsAnsweredWithInternal) {
  EXPECT_EQ(Ask(&v1::RuntimeService::Stub::Status).error_code(), grpc::StatusCode::INTERNAL);
  v1::ExecSyncRequest request;
  request.set_container_id("throw");
  grpc::Status thrown = Ask(&v1::RuntimeService::Stub::ExecSync, request);
  EXPECT_EQ(thrown.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(thrown.error_message(), HasSubstr("thrown by a test"));
}

TEST_F(AsyncCallsTest, StartsThatHangLeaveStopsAndLooksTheirThreads) {
  std::latch ended(kThreads);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  v1::StartContainerRequest request;
  v1::StartContainerResponse response;
  for (int i = 0; i < kThreads; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    stub_->async()->StartContainer(contexts.back().get(), &request, &response,
                                   [&ended](const grpc::Status&) { ended.count_down(); });
  }
  ASSERT_TRUE(service_.AwaitHanging(kThreads));
  EXPECT_EQ(Ask(&v1::RuntimeService::Stub::StartContainer).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Ask(&v1::RuntimeService::Stub::StopContainer).ok());
  EXPECT_TRUE(Ask(&v1::RuntimeService::Stub::Version).ok());
  service_.Release();
  ended.wait();
}

TEST_F(AsyncCallsTest, AServerThatStopsWaitsForNoCommandAndNoStream) {
  std::latch ended(1);
  auto execs = BeginExecs(1, ended);
  ASSERT_TRUE(execs_.AwaitRunning(1));
  Watching watcher(*stub_);
  Listing unread(Connect());
  unread.AwaitList();
  Stop();
  ended.wait();
  EXPECT_FALSE(execs[0]->status.ok());
  EXPECT_EQ(watcher.NextId(), "(none)");
}

}  // namespace
}  // namespace davit::cri
