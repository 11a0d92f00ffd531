// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Measures CRI servers side by side: the servers take turns in every round, so that whatever the machine does
// meanwhile hits all of them. Prints JSON (figures.h); tests/bench/run makes a table of it.

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "base/file_io.h"
#include "tests/bench/figures.h"
#include "tests/bench/processes.h"
#include "tests/bench/server.h"
#include "tests/bench/syscall_count.h"

namespace davit::bench {
namespace {

struct Options {
  std::vector<std::string> servers;  // NAME=SOCKET
  std::string image;
  std::string scratch;
  int rounds = 50;
  int dirty_rounds = 5;
  int exec_rounds = 100;
  std::vector<int> crowds = {100, 300};
  int peer_crowd = 100;  // how many pods the servers after the first one get at most
};

using Servers = std::vector<std::unique_ptr<Server>>;

// 1 GiB of data that the kernel has not yet written to the disk. Removing it takes it back.
class DirtyData {
 public:
  explicit DirtyData(const std::string& directory) : path_(directory + "/dirty") {
    auto fd = OpenAt(AT_FDCWD, path_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const std::string block(1 << 20, 'x');
    for (int i = 0; fd && i < 1024; ++i) {
      if (auto written = WriteAll(fd->get(), block, path_); !written)
        throw std::runtime_error(written.error().ToString());
    }
  }
  ~DirtyData() { unlink(path_.c_str()); }

 private:
  std::string path_;
};

class Benchmark {
 public:
  Benchmark(const Options& options, Servers servers) : options_(options), servers_(std::move(servers)) {}

  nlohmann::json Run() {
    for (auto& server : servers_) server->PullImage();
    for (auto& server : servers_) Round(*server, "warm-up, not reported", /*dirty=*/false);
    Say("rounds");
    for (int i = 0; i < options_.rounds; ++i) {
      for (auto& server : servers_) Round(*server, "", /*dirty=*/false);
    }
    Say("rounds with 1 GiB of dirty data");
    for (int i = 0; i < options_.dirty_rounds; ++i) {
      for (auto& server : servers_) Round(*server, " (1 GiB dirty)", /*dirty=*/true);
    }
    Say("execs");
    Execs();
    Say("processes and system calls");
    for (auto& server : servers_) Costs(*server);
    for (int crowd : options_.crowds) {
      if (crowd > 0) Crowd(crowd);
    }
    nlohmann::json figures = figures_.ToJson();
    std::erase_if(figures.get_ref<nlohmann::json::object_t&>(),
                  [](const auto& entry) { return entry.first.ends_with("not reported"); });
    return figures;
  }

 private:
  static void Say(const std::string& what) { std::cerr << "   " << what << "\n"; }

  void Add(const Server& server, const std::string& figure, const std::string& suffix, Duration took) {
    figures_.Add(server.name(), figure + suffix, took.count());
  }

  // What servers and kernel still do for what is gone is not on the account of whose turn is next: of a pod
  // cgroups and network namespaces, of an exec only processes.
  static constexpr std::chrono::milliseconds kAfterPod{100}, kAfterExec{20};
  static void Settle(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

  // One pod's life. `suffix` tells the figures of one circumstance from those of another.
  void Round(Server& server, const std::string& suffix, bool dirty) {
    BenchPod pod = server.NewPod();
    Settle(kAfterPod);
    BringUp(server, pod, suffix);
    std::unique_ptr<DirtyData> data;
    if (dirty) data = std::make_unique<DirtyData>(options_.scratch);
    TakeDown(server, pod, suffix);
  }

  void BringUp(Server& server, BenchPod& pod, const std::string& suffix) {
    Duration run = server.RunPod(pod);
    Duration create = server.Create(pod);
    Duration start = server.Start(pod);
    Add(server, "RunPodSandbox", suffix, run);
    Add(server, "CreateContainer", suffix, create);
    Add(server, "StartContainer", suffix, start);
    Add(server, "bring-up", suffix, run + create + start);
  }

  void TakeDown(Server& server, const BenchPod& pod, const std::string& suffix) {
    Duration stop = server.StopContainer(pod);
    Duration remove = server.RemoveContainer(pod);
    Duration stop_pod = server.StopPod(pod);
    Duration remove_pod = server.RemovePod(pod);
    Add(server, "StopContainer", suffix, stop);
    Add(server, "RemoveContainer", suffix, remove);
    Add(server, "StopPodSandbox", suffix, stop_pod);
    Add(server, "RemovePodSandbox", suffix, remove_pod);
    Add(server, "take-down", suffix, stop + remove + stop_pod + remove_pod);
  }

  BenchPod RunningPod(Server& server) {
    BenchPod pod = server.NewPod();
    server.RunPod(pod);
    server.Create(pod);
    server.Start(pod);
    return pod;
  }

  static void Remove(Server& server, const BenchPod& pod) {
    server.StopPod(pod);
    server.RemovePod(pod);
  }

  void Execs() {
    std::vector<BenchPod> pods;
    for (auto& server : servers_) pods.push_back(RunningPod(*server));
    for (int i = 0; i < options_.exec_rounds; ++i) {
      for (size_t s = 0; s < servers_.size(); ++s) {
        Settle(kAfterExec);
        Add(*servers_[s], "ExecSync", "", servers_[s]->ExecTrue(pods[s]));
      }
    }
    for (size_t s = 0; s < servers_.size(); ++s) Remove(*servers_[s], pods[s]);
  }

  // What a pod costs apart from time.
  void Costs(Server& server) {
    constexpr int kPods = 10;
    BenchPod beside =
        RunningPod(server);  // what two pods have in common, such as the program's text, is not private
    SyscallCounts lives = CountSyscalls(WithChildren(server.pid()), [&] {
      for (int i = 0; i < kPods; ++i) Remove(server, RunningPod(server));
      // For what it does afterwards, such as preparing for the next pod.
      std::this_thread::sleep_for(std::chrono::seconds(1));
    });
    figures_.Add(server.name(), "execs per pod and container", lives.execs / double{kPods});
    figures_.Add(server.name(), "syncs per pod", lives.syncs / double{kPods});
    BenchPod pod = RunningPod(server);
    std::vector<pid_t> keepers = RuntimeProcessesOf(pod.pod);
    double kib = 0;
    for (pid_t pid : keepers) kib += PrivateKib(pid);
    figures_.Add(server.name(), "private KiB per pod", kib);
    keepers.push_back(server.pid());
    figures_.Add(server.name(), "execs per ExecSync",
                 CountSyscalls(keepers, [&] { server.ExecTrue(pod); }).execs);
    Remove(server, pod);
    Remove(server, beside);
  }

  // The rounds once more beside that many pods, and what each of them adds to the daemon.
  void Crowd(int size) {
    const std::string suffix = " (" + std::to_string(size) + " pods)";
    for (size_t s = 0; s < servers_.size(); ++s) {
      if (s > 0 && size > options_.peer_crowd) continue;
      Server& server = *servers_[s];
      Say("a crowd of " + std::to_string(size) + " for " + server.name());
      double before = PrivateKib(server.pid());
      std::vector<BenchPod> crowd;
      for (int i = 0; i < size; ++i) crowd.push_back(RunningPod(server));
      figures_.Add(server.name(), "daemon KiB per pod" + suffix, (PrivateKib(server.pid()) - before) / size);
      for (int i = 0; i < options_.rounds / 2 + 1; ++i) Round(server, suffix, /*dirty=*/false);
      for (int i = 0; i < options_.rounds / 2 + 1; ++i)
        Add(server, "ExecSync", suffix, server.ExecTrue(crowd[0]));
      for (const BenchPod& pod : crowd) Remove(server, pod);
    }
  }

  const Options& options_;
  Servers servers_;
  Figures figures_;
};

Servers Connect(const Options& options) {
  Servers servers;
  for (const std::string& text : options.servers) {
    size_t equals = text.find('=');
    if (equals == std::string::npos) throw std::runtime_error("--server wants NAME=SOCKET, not " + text);
    servers.push_back(std::make_unique<Server>(text.substr(0, equals), text.substr(equals + 1),
                                               options.scratch, options.image));
  }
  return servers;
}

int Main(int argc, char** argv) {
  CLI::App app("Measures CRI servers side by side");
  Options options;
  app.add_option("--server", options.servers, "NAME=SOCKET, once per server")->required();
  app.add_option("--image", options.image, "image of the container")->required();
  app.add_option("--scratch", options.scratch, "directory on the disk under test")->required();
  app.add_option("--rounds", options.rounds, "pods per server for the medians");
  app.add_option("--dirty-rounds", options.dirty_rounds, "pods per server beside 1 GiB of dirty data");
  app.add_option("--exec-rounds", options.exec_rounds, "execs per server");
  app.add_option("--crowds", options.crowds, "numbers of other pods to measure beside")->delimiter(',');
  app.add_option("--peer-crowd", options.peer_crowd, "largest such number for the servers after the first");
  CLI11_PARSE(app, argc, argv);
  std::cout << Benchmark(options, Connect(options)).Run().dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace davit::bench

int main(int argc, char** argv) {
  try {
    return davit::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "cri_bench: " << error.what() << "\n";
    return 1;
  }
}
