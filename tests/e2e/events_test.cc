// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The stream of events.

#include <signal.h>

#include <map>
#include <mutex>
#include <thread>

#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"

namespace davit::e2e {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;

// Watches from its construction on.
class EventWatch {
 public:
  explicit EventWatch(const std::string& socket) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::RuntimeService::NewStub(
        grpc::CreateCustomChannel("unix://" + socket, grpc::InsecureChannelCredentials(), arguments));
    context_.set_wait_for_ready(true);
    reader_ = stub_->GetContainerEvents(&context_, v1::GetEventsRequest());
    reader_->WaitForInitialMetadata();
  }
  ~EventWatch() {
    context_.TryCancel();
    if (thread_.joinable()) thread_.join();
  }

  void Read() {
    thread_ = std::thread([this] {
      for (v1::ContainerEventResponse event; reader_->Read(&event);) {
        std::lock_guard lock(mutex_);
        events_.push_back(event);
      }
    });
  }

  // Of one pod and its containers.
  std::vector<v1::ContainerEventResponse> Of(const std::string& pod) {
    std::lock_guard lock(mutex_);
    std::vector<v1::ContainerEventResponse> found;
    for (const auto& event : events_) {
      if (event.pod_sandbox_status().id() == pod) found.push_back(event);
    }
    return found;
  }

  // Reads until the server ends the stream; the events so far are dropped.
  grpc::Status ReadToTheEnd() {
    for (v1::ContainerEventResponse event; reader_->Read(&event);) continue;
    return reader_->Finish();
  }

 private:
  std::unique_ptr<RuntimeStub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::ContainerEventResponse>> reader_;
  std::mutex mutex_;
  std::vector<v1::ContainerEventResponse> events_;
  std::thread thread_;
};

class Events : public PodTest {
 protected:
  static std::vector<std::string> Names(const std::vector<v1::ContainerEventResponse>& events,
                                        const std::string& pod) {
    std::vector<std::string> names;
    for (const auto& event : events) {
      std::string type = v1::ContainerEventType_Name(event.container_event_type());
      type = type.substr(std::string("CONTAINER_").size());
      names.push_back((event.container_id() == pod ? "pod " : "container ") + type.substr(0, type.find('_')));
    }
    return names;
  }

  void WaitForEvents(EventWatch& watch, const std::string& pod, size_t count) {
    WaitUntil(std::to_string(count) + " events", [&] { return watch.Of(pod).size() >= count; });
  }
};

TEST_F(Events, TellTheLifeOfAPodInOrder) {
  EventWatch watch(instance().socket());
  watch.Read();
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  std::string container = CreateAndStart(pod, config, IdleConfig());
  StopContainer(container, 0);
  RemoveContainer(container);
  StopPod(pod);
  RemovePod(pod);

  WaitForEvents(watch, pod, 8);
  std::vector<v1::ContainerEventResponse> events = watch.Of(pod);
  EXPECT_THAT(Names(events, pod),
              ElementsAre("pod CREATED", "pod STARTED", "container CREATED", "container STARTED",
                          "container STOPPED", "container DELETED", "pod STOPPED", "pod DELETED"));
  for (size_t i = 1; i < events.size(); ++i) EXPECT_GE(events[i].created_at(), events[i - 1].created_at());
}

TEST_F(Events, HaveTheStateOfThePodAndItsContainers) {
  EventWatch watch(instance().socket());
  watch.Read();
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  std::string first = CreateAndStart(pod, config, IdleConfig("first"));
  std::string second = CreateAndStart(pod, config, IdleConfig("second"));
  StopContainer(second, 0);
  RemoveContainer(second);

  WaitForEvents(watch, pod, 8);
  std::vector<v1::ContainerEventResponse> events = watch.Of(pod);
  for (const auto& event : events) {
    EXPECT_EQ(event.pod_sandbox_status().metadata().uid(), config.metadata().uid());
    EXPECT_EQ(event.pod_sandbox_status().state(), v1::SANDBOX_READY);
  }
  auto state_of = [](const v1::ContainerEventResponse& event, const std::string& id) {
    for (const auto& status : event.containers_statuses()) {
      if (status.id() == id) return v1::ContainerState_Name(status.state());
    }
    return std::string("(gone)");
  };
  std::vector<std::string> states;
  for (size_t i = 4; i < events.size(); ++i) {
    EXPECT_EQ(events[i].container_id(), second);
    EXPECT_EQ(state_of(events[i], first), "CONTAINER_RUNNING");
    states.push_back(state_of(events[i], second));
  }
  EXPECT_THAT(states, ElementsAre("CONTAINER_CREATED", "CONTAINER_RUNNING", "CONTAINER_EXITED", "(gone)"));
}

// No container can start in such a pod any more: the kubelet makes a new one.
TEST_F(Events, TellThatAPodStopsWhenItsFirstProcessIsKilled) {
  EventWatch watch(instance().socket());
  watch.Read();
  v1::PodSandboxConfig config = PodConfig();
  config.mutable_linux()->mutable_security_context()->mutable_namespace_options()->set_pid(v1::POD);
  std::string pod = RunPod(config);
  std::string container = CreateAndStart(pod, config, IdleConfig());
  pid_t reaper = ReaperOf(instance(), pod);
  ASSERT_NE(reaper, 0);

  kill(reaper, SIGKILL);

  WaitForEvents(watch, pod, 6);
  EXPECT_THAT(Names(watch.Of(pod), pod), AllOf(Contains("pod STOPPED"), Contains("container STOPPED")));
  EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_NOTREADY);
  EXPECT_EQ(WaitForExit(container).exit_code(), 128 + SIGKILL);
  EXPECT_THAT(TryCreate(pod, config, IdleConfig("next")),
              FailsWith(grpc::StatusCode::FAILED_PRECONDITION, "not ready"));
}

TEST_F(Events, OfShortLivesAreAllToldAndInOrder) {
  EventWatch watch(instance().socket());
  watch.Read();
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      auto client = NewClient();
      for (int i = 0; i < 5; ++i) {
        v1::CreateContainerRequest create;
        create.set_pod_sandbox_id(pod);
        *create.mutable_sandbox_config() = config;
        *create.mutable_config() =
            ContainerConfig({"true"}, "short" + std::to_string(t) + "-" + std::to_string(i));
        v1::StartContainerRequest start;
        start.set_container_id(Must(client->Ask(&RuntimeStub::CreateContainer, create)).container_id());
        Must(client->Ask(&RuntimeStub::StartContainer, start));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  WaitForEvents(watch, pod, 2 + 20 * 3);
  std::map<std::string, std::vector<v1::ContainerEventResponse>> by_container;
  for (const auto& event : watch.Of(pod)) {
    if (event.container_id() != pod) by_container[event.container_id()].push_back(event);
  }
  EXPECT_EQ(by_container.size(), 20U);
  for (const auto& [container, events] : by_container) {
    EXPECT_THAT(Names(events, pod),
                ElementsAre("container CREATED", "container STARTED", "container STOPPED"));
    EXPECT_EQ(StatusOf(container).state(), v1::CONTAINER_EXITED);
  }
}

TEST_F(Events, OfAStartThatFailsHaveNoStart) {
  EventWatch watch(instance().socket());
  watch.Read();
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  v1::StartContainerRequest start;
  start.set_container_id(Create(pod, config, ContainerConfig({"/no/such/program"})));
  EXPECT_FALSE(cri().Ask(&RuntimeStub::StartContainer, start).status.ok());

  WaitForEvents(watch, pod, 4);
  EXPECT_THAT(Names(watch.Of(pod), pod),
              ElementsAre("pod CREATED", "pod STARTED", "container CREATED", "container STOPPED"));
}

TEST_F(Events, AreForEveryWatcher) {
  EventWatch first(instance().socket());
  EventWatch second(instance().socket());
  first.Read();
  second.Read();
  std::string pod = RunPod(PodConfig());
  WaitForEvents(first, pod, 2);
  WaitForEvents(second, pod, 2);
}

TEST_F(Events, AReaderThatDoesNotReadIsCutOffAndHoldsNobodyUp) {
  EventWatch slow(instance().socket());
  v1::PodSandboxConfig config = PodConfig();
  (*config.mutable_annotations())["large"] = std::string(1 << 20, 'x');
  std::string pod = RunPod(config);
  for (int i = 0; i < 20; ++i) RemoveContainer(Create(pod, config, IdleConfig()));

  grpc::Status status = slow.ReadToTheEnd();
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(PodStatusOf(pod).state(), v1::SANDBOX_READY);
  EventWatch next(instance().socket());
  next.Read();
  StopPod(pod);
  WaitForEvents(next, pod, 1);
}

}  // namespace
}  // namespace davit::e2e
