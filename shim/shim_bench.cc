// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What the shim's steps cost, as the daemon sees them, and what a shim weighs: medians over a number of pods.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "base/file_io.h"
#include "shim/testing/test_daemon.h"

namespace davit::shim {
namespace {

double Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

std::map<std::string, std::vector<double>>& Samples() {
  static auto& samples = *new std::map<std::string, std::vector<double>>;
  return samples;
}

template <typename T>
T Check(Result<T> result) {
  if (result) {
    if constexpr (std::is_void_v<T>)
      return;
    else
      return std::move(*result);
  }
  fprintf(stderr, "%s\n", result.error().ToString().c_str());
  exit(1);
}

template <typename Step>
auto Measure(const std::string& name, Step step) {
  double begin = Now();
  auto result = step();
  Samples()[name].push_back(Now() - begin);
  return Check(std::move(result));
}

// KiB of a line of /proc/PID/smaps_rollup.
double Rollup(pid_t pid, const std::string& key) {
  std::string text = Check(ReadFile("/proc/" + std::to_string(pid) + "/smaps_rollup"));
  size_t at = text.find("\n" + key + ":");
  return at == std::string::npos ? 0 : atof(text.c_str() + at + key.size() + 2);
}

void Weigh(const TestDaemon& daemon, const std::string& when) {
  pid_t pid = daemon.shim().pid;
  Samples()["KiB private, " + when].push_back(Rollup(pid, "Private_Dirty") + Rollup(pid, "Private_Clean"));
}

SandboxPlan PodPlan(bool shared_pid) {
  SandboxPlan plan;
  plan.sandbox_id = TestId(0);
  plan.hostname = "bench";
  plan.shared_pid = shared_pid;
  return plan;
}

void RunPod(const TestImage& image, const TestCgroup& cgroup) {
  TestDaemon daemon;
  Measure("us 1 spawn shim + hello", [&]() -> Result<HelloReply> {
    TRY(daemon.LaunchShim());
    return daemon.Hello();
  });
  Measure("us 2 start sandbox", [&] { return daemon.StartSandbox(PodPlan(false)); });
  ContainerPlan plan = MinimalPlan(TestId(1), {"sleep", "1000"});
  Descriptors fds = Check(daemon.ContainerFds(plan, image, &cgroup));
  Measure("us 3 start container", [&] { return daemon.Start(plan, std::move(fds)); });
  Weigh(daemon, "one container");
  ProcessPlan exec = plan.process;
  exec.args = {"true"};
  for (int i = 0; i < 5; ++i)
    Measure("us 4 exec true, to its end", [&] { return daemon.Exec(TestId(1), exec); });
  Weigh(daemon, "after execs");
  Measure("us 5 kill container, to its record", [&]() -> Result<ContainerExited> {
    TRY(daemon.Kill(TestId(1)));
    return daemon.AwaitExit(TestId(1));
  });
  Measure("us 6 shutdown", [&] { return daemon.Shutdown(); });
}

// MB/s of payload through the log, against cat into a file.
void PumpLogs(const TestImage& image, const std::string& line, const std::string& name) {
  TestDaemon daemon;
  Check(daemon.LaunchShim());
  Check(daemon.StartSandbox(PodPlan(false)));
  constexpr int kMegabytes = 256;
  std::string count = std::to_string(kMegabytes * 1'000'000 / (line.size() + 1));
  std::string produce = "yes " + line + " | head -n " + count;
  double begin = Now();
  Check(daemon.Run(MinimalPlan(TestId(1), {"sh", "-c", produce}), image));
  Samples()["MB/s log, " + name].push_back(kMegabytes * 1e6 / (Now() - begin));
  Weigh(daemon, "after a flood of logs");
  Check(daemon.Run(MinimalPlan(TestId(2), {"sh", "-c", produce + " | cat > /tmp/out"}), image));
}

int Main(int argc, char** argv) {
  if (std::string why = TestImage::WhyNot(); !why.empty()) {
    printf("skipped: %s\n", why.c_str());
    return 0;
  }
  int pods = argc > 1 ? atoi(argv[1]) : 50;
  TestImage image;
  TestCgroup cgroup;
  TestDaemon other;  // with whom each shim shares the program's pages, as on any node with a second pod
  Check(other.LaunchShim());
  Check(other.Hello());
  for (int i = 0; i < pods; ++i) RunPod(image, cgroup);
  PumpLogs(image, std::string(100, 'x'), "lines of 100 bytes");
  PumpLogs(image, std::string(10, 'x'), "lines of 10 bytes");
  PumpLogs(image, std::string(4000, 'x'), "lines of 4000 bytes");
  for (auto& [name, values] : Samples()) {
    std::sort(values.begin(), values.end());
    printf("%-40s median %9.0f  min %9.0f  max %9.0f  n %zu\n", name.c_str(), values[values.size() / 2],
           values.front(), values.back(), values.size());
  }
  return 0;
}

}  // namespace
}  // namespace davit::shim

int main(int argc, char** argv) {
  return davit::shim::Main(argc, argv);
}
