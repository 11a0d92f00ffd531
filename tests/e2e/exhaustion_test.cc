// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Clients and containers that ask for more than there is: the daemon and the shims keep their size (rule 15
// of the security rules, CONTRIBUTING.md).

#include <arpa/inet.h>
#include <sys/socket.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>

#include "base/file_io.h"
#include "tests/e2e/host_objects.h"
#include "tests/e2e/pod_test.h"
#include "tests/e2e/stream_client.h"

namespace davit::e2e {
namespace {

namespace fs = std::filesystem;

// A process of the runtime's, as /proc shows it.
class Process {
 public:
  explicit Process(pid_t pid) : directory_("/proc/" + std::to_string(pid)) {}

  long Descriptors() const {
    return std::distance(fs::directory_iterator(directory_ + "/fd"), fs::directory_iterator());
  }
  // Resident memory in KiB, and the most of it since the last ForgetPeak.
  long Resident() const { return Field("VmRSS:"); }
  long Peak() const { return Field("VmHWM:"); }
  long Threads() const { return Field("Threads:"); }
  // Memory in KiB that no other process shares.
  long Private() const { return RollupField("Private_Clean:") + RollupField("Private_Dirty:"); }
  void ForgetPeak() const { std::ofstream(directory_ + "/clear_refs") << "5"; }

 private:
  long Field(const std::string& name) const { return FieldOf("/status", name); }
  long RollupField(const std::string& name) const { return FieldOf("/smaps_rollup", name); }
  long FieldOf(const std::string& file, const std::string& name) const {
    std::string text = ReadFile(directory_ + file).value();
    return std::stol(text.substr(text.find(name) + name.size()));
  }

  std::string directory_;
};

#ifdef __SANITIZE_ADDRESS__
constexpr bool kMemoryTells = false;  // what was freed is kept for a while
#else
constexpr bool kMemoryTells = true;
#endif

class Exhaustion : public OwnInstanceTest {
 protected:
  Process Daemon() { return Process(instance().pid()); }
  Process Shim() { return Process(ShimsOf(instance()).at(ListPods().at(0).id())); }

  std::string AttachUrl(const std::string& container) {
    v1::AttachRequest request;
    request.set_container_id(container);
    request.set_stdout(true);
    request.set_stderr(true);
    return Must(cri().Ask(&RuntimeStub::Attach, request)).url();
  }
  void AttachAndLeave(const std::string& container, int times) {
    for (int i = 0; i < times; ++i) {
      StreamClient client(AttachUrl(container), "v5.channel.k8s.io");
      ASSERT_EQ(client.status(), 101) << "client " << i;
    }
  }
  void AwaitAtMost(const Process& process, long descriptors, const std::string& name) {
    WaitUntil(name + " closes what clients had open", [&] { return process.Descriptors() <= descriptors; });
  }
};

// Every pod of the node has such a process.
TEST_F(Exhaustion, TheShimOfAnIdlePodHoldsLittleMemoryOfItsOwn) {
  if (!kMemoryTells) GTEST_SKIP() << "a sanitized shim has its shadow memory";
  constexpr long kMostKib = 256;
  RunIdle();
  RunIdle();  // the program itself is shared by two shims at least

  for (const v1::PodSandbox& pod : ListPods())
    EXPECT_LT(Process(ShimsOf(instance()).at(pod.id())).Private(), kMostKib);
}

// CVE-2025-64329: a goroutine of containerd's stayed for every client.
TEST_F(Exhaustion, LongTenThousandAttachedClientsLeaveNothing) {
  constexpr long kSlack = 8 << 10;
  std::string container = RunIdle();
  Process daemon = Daemon();
  Process shim = Shim();
  const long daemon_descriptors = daemon.Descriptors();
  const long shim_descriptors = shim.Descriptors();
  AttachAndLeave(container, 500);
  const long daemon_memory = daemon.Resident();
  const long shim_memory = shim.Resident();

  AttachAndLeave(container, 10'000);

  AwaitAtMost(daemon, daemon_descriptors, "the daemon");
  AwaitAtMost(shim, shim_descriptors, "the shim");
  if (!kMemoryTells) return;
  EXPECT_LE(daemon.Resident(), daemon_memory + kSlack);
  EXPECT_LE(shim.Resident(), shim_memory + kSlack);
}

// CVE-2022-31030: the output of an ExecSync filled the daemon's memory.
TEST_F(Exhaustion, EndlessOutputOfAnExecSyncIsDrainedAndNotKept) {
  if (!kMemoryTells) GTEST_SKIP() << "a sanitized build keeps what was freed";
  constexpr long kAnswers = 3 * (16'000'000 >> 10);  // what the daemon collects, and gRPC's copies
  std::string container = RunIdle();
  Process daemon = Daemon();
  Process shim = Shim();
  const long daemon_memory = daemon.Resident();
  const long shim_memory = shim.Resident();
  daemon.ForgetPeak();
  shim.ForgetPeak();
  v1::ExecSyncRequest request;
  request.set_container_id(container);
  for (const char* argument : {"sh", "-c", "head -c 200000000 /dev/zero"}) request.add_cmd(argument);

  v1::ExecSyncResponse response = Must(cri().Ask(&RuntimeStub::ExecSync, request));

  EXPECT_EQ(response.stdout().size(), 16'000'000U);
  EXPECT_LE(daemon.Peak(), daemon_memory + kAnswers);
  EXPECT_LE(shim.Peak(), shim_memory + (1 << 10));
}

// Connections to the streaming server that say nothing.
class IdleConnections {
 public:
  IdleConnections(const std::string& url, int count) {
    size_t host = url.find("//") + 2;
    size_t colon = url.find(':', host);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(url.substr(colon + 1))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; ++i) {
      UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      connections_.push_back(std::move(fd));
    }
  }

 private:
  std::vector<UniqueFd> connections_;
};

TEST_F(Exhaustion, Rule22AThousandIdleConnectionsKeepNobodyOut) {
  std::string container = RunIdle();
  IdleConnections idle(AttachUrl(container), 1'000);
  StreamClient client(AttachUrl(container), "v5.channel.k8s.io");
  EXPECT_EQ(client.status(), 101);
}

// What kubelets and people at this node ask for at once, each with a call of its own.
class ManyCalls {
 public:
  explicit ManyCalls(const std::string& socket) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::RuntimeService::NewStub(
        grpc::CreateCustomChannel("unix://" + socket, grpc::InsecureChannelCredentials(), arguments));
  }
  ~ManyCalls() {
    for (auto& watcher : watchers_) watcher->context.TryCancel();
    for (auto& exec : execs_) exec->context.TryCancel();
    ended_.Wait(static_cast<int>(execs_.size()));
  }

  void Watch(int count) {
    for (int i = 0; i < count; ++i) {
      watchers_.push_back(std::make_unique<Watcher>());
      Watcher& watcher = *watchers_.back();
      watcher.reader = stub_->GetContainerEvents(&watcher.context, v1::GetEventsRequest());
      watcher.reader->WaitForInitialMetadata();
    }
  }
  void Exec(int count, const std::string& container, const std::vector<std::string>& command) {
    for (int i = 0; i < count; ++i) {
      execs_.push_back(std::make_unique<OneExec>());
      OneExec& exec = *execs_.back();
      exec.request.set_container_id(container);
      for (const std::string& argument : command) exec.request.add_cmd(argument);
      stub_->async()->ExecSync(&exec.context, &exec.request, &exec.response,
                               [this](const grpc::Status&) { ended_.Add(); });
    }
  }

 private:
  struct Watcher {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::ContainerEventResponse>> reader;
  };
  struct OneExec {
    grpc::ClientContext context;
    v1::ExecSyncRequest request;
    v1::ExecSyncResponse response;
  };
  class Count {
   public:
    void Add() {
      std::lock_guard lock(mutex_);
      ++count_;
      changed_.notify_all();
    }
    void Wait(int count) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return count_ >= count; });
    }

   private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
  };

  std::unique_ptr<RuntimeStub> stub_;
  Count ended_;
  std::vector<std::unique_ptr<Watcher>> watchers_;
  std::vector<std::unique_ptr<OneExec>> execs_;
};

TEST_F(Exhaustion, AThousandWatchersLeaveOtherCallsTheirThreads) {
  ManyCalls calls(instance().socket());
  calls.Watch(1'000);
  EXPECT_LT(Daemon().Threads(), 200);
  Must(cri().Ask(&RuntimeStub::Version, v1::VersionRequest()));
  RunIdle();
}

TEST_F(Exhaustion, HundredsOfHangingProbesLeaveOtherCallsTheirThreads) {
  constexpr int kProbes = 300;
  constexpr int kAtOnce = 50;  // a pod may have 64 commands that have not started yet
  std::string container = RunIdle();
  ManyCalls calls(instance().socket());
  for (int running = kAtOnce; running <= kProbes; running += kAtOnce) {
    calls.Exec(kAtOnce, container, {"sleep", "600"});
    WaitUntil("the probes run",
              [&] { return std::stoi(Shell(container, "ps | grep -c '[s]leep 600' || true")) >= running; });
  }
  WaitUntil("the daemon holds no thread for them", [&] { return Daemon().Threads() < 200; });
  Must(cri().Ask(&RuntimeStub::Version, v1::VersionRequest()));
  StopContainer(container, 0);
}

// Protocol buffers of many small parts, which leave holes in the heap, and large ones.
v1::ContainerConfig LargeConfig(v1::ContainerConfig config) {
  for (int i = 0; i < 150; ++i)
    (*config.mutable_annotations())["large-" + std::to_string(i)] = std::string(1'000, 'x');
  for (int i = 0; i < 1'500; ++i) {
    v1::KeyValue& entry = *config.add_envs();
    entry.set_key("VARIABLE_" + std::to_string(i));
    entry.set_value(std::string(90, 'y'));
  }
  return config;
}

TEST_F(Exhaustion, LargeConfigurationsGoWithTheirContainers) {
  if (!kMemoryTells) GTEST_SKIP() << "a sanitized build keeps what was freed";
  constexpr int kClients = 8;  // so that many of the daemon's threads allocate at the same time
  constexpr int kContainersOfEach = 10;
  constexpr long kSlack = 16 << 10;
  v1::PodSandboxConfig config = PodConfig();
  std::string pod = RunPod(config);
  RemoveContainer(Create(pod, config, LargeConfig(IdleConfig())));
  const long before = Daemon().Resident();

  auto create_and_remove = [&](int client) {
    std::vector<std::string> containers;
    for (int i = 0; i < kContainersOfEach; ++i)
      containers.push_back(
          Create(pod, config, LargeConfig(IdleConfig(std::to_string(client) + "-" + std::to_string(i)))));
    for (const std::string& container : containers) RemoveContainer(container);
  };
  for (int cycle = 0; cycle < 4; ++cycle) {
    std::vector<std::future<void>> clients;
    for (int client = 0; client < kClients; ++client)
      clients.push_back(std::async(std::launch::async, create_and_remove, client));
    for (std::future<void>& client : clients) client.get();
  }

  WaitUntil("the daemon gives the memory back", [&] { return Daemon().Resident() <= before + kSlack; });
}

}  // namespace
}  // namespace davit::e2e
