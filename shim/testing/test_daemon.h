// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Plays the daemon to a real davit-shim.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/error.h"
#include "base/frame.h"
#include "base/spawn.h"
#include "shim/plan.h"
#include "shim/protocol.h"
#include "shim/testing/scratch.h"

namespace davit::shim {

// 64 hexadecimal digits, `n` at the end.
std::string TestId(unsigned n);

// The minimal plan for a container of these tests: the filesystems that the daemon always mounts, the
// fourteen default capabilities, and `args` as its program.
ContainerPlan MinimalPlan(const std::string& id, std::vector<std::string> args);
constexpr uint64_t kDefaultCapabilities = 0xa80425fb;

// Every shim of these tests inherits a descriptor of the host's root with this number, as if the daemon had
// leaked it.
constexpr int kForgottenFd = 60;

struct StartedContainer {
  ContainerStarted info;
  PidFd pidfd;
};

struct ContainerOutcome {
  ContainerExited exit;
  std::vector<std::string> out;  // lines of the log without timestamps, per stream
  std::vector<std::string> err;
};

class TestDaemon {
 public:
  TestDaemon();
  // Ends the shim, and fails the test if it does not end by itself.
  ~TestDaemon();
  TestDaemon(const TestDaemon&) = delete;
  TestDaemon& operator=(const TestDaemon&) = delete;

  // `log` gets the shim's own log lines; by default ShimLog() has them.
  Result<> LaunchShim(UniqueFd log = {});
  const ChildProcess& shim() const { return shim_; }
  const ScratchDir& dir() const { return dir_; }
  std::string ExitRecordPath(const std::string& id) const { return dir_ / "exits" + "/" + id; }
  std::string LogPath(const std::string& id) const { return dir_ / id + ".log"; }
  std::string ShimLog() const;
  // Creates a log file and opens it as O_PATH, as the daemon does.
  static Result<UniqueFd> OpenLog(const std::string& path);

  // Simulate a daemon that dies, and a new one that connects to the shim.
  void Disconnect() { control_.Reset(); }
  Result<> Connect();

  // Sends a request and waits for its answer; a kFailed is returned as its error. Events that arrive
  // meanwhile are kept.
  Result<Frame> Call(ShimMessage type, std::string payload = {}, Descriptors fds = {});
  Result<uint32_t> Send(ShimMessage type, std::string payload, Descriptors fds = {});
  // Sends bytes that are not a frame.
  Result<> SendRaw(const std::string& bytes);
  Result<Frame> AwaitReply(uint32_t request_id);
  // Whether, in what was read so far, there was no event and no answer that was not waited for.
  bool HeardNothing() const { return events_.empty() && replies_.empty(); }
  Result<ContainerExited> AwaitExit(const std::string& id);
  Result<ExecExited> AwaitExecExit(const std::string& id);
  Result<SandboxFailed> AwaitSandboxFailed();

  // `fds` receives the descriptors of the reply.
  Result<HelloReply> Hello(Descriptors* fds = nullptr, const std::string& after = {});
  Result<UniqueFd> StartSandbox(const SandboxPlan& plan);  // the netns, when the pod has one
  // The usual descriptors: rootfs, host mounts, log, cgroup directory, and those of `cgroup`.
  Result<Descriptors> ContainerFds(const ContainerPlan& plan, const TestImage& image,
                                   const TestCgroup* cgroup = nullptr);
  Result<StartedContainer> Start(const ContainerPlan& plan, const TestImage& image,
                                 const TestCgroup* cgroup = nullptr, uint32_t timeout_ms = 20'000);
  Result<StartedContainer> Start(const ContainerPlan& plan, Descriptors fds, uint32_t timeout_ms = 20'000);
  // The same with arbitrary bytes as the plan.
  Result<StartedContainer> Start(const StartContainer& request, Descriptors fds);
  // Starts a container and waits for its end.
  Result<ContainerOutcome> Run(const ContainerPlan& plan, const TestImage& image,
                               const TestCgroup* cgroup = nullptr);
  ContainerOutcome Outcome(ContainerExited exit) const;

  // Runs a command and waits for its end. Its output goes to pipes, and their content is returned.
  struct ExecOutcome {
    ExecExited exit;
    std::string out;
    std::string err;
  };
  Result<ExecOutcome> Exec(const std::string& container_id, const ProcessPlan& plan);

  Result<> Kill(const std::string& id);
  // Sends kShutdown and waits until the shim has exited; fails if its exit code is not 0.
  Result<> Shutdown();
  // Waits for the shim's end; kills it if it does not end.
  Result<ExitStatus> ReapShim();
  // Kills and reaps the shim.
  Result<> CrashShim();

 private:
  Result<Frame> Receive(int timeout_ms);
  template <typename T>
  Result<T> AwaitEvent(ShimMessage type, std::string T::* key, const std::string& id);

  ScratchDir dir_;
  UniqueFd listener_;
  UniqueFd control_;
  ChildProcess shim_;
  uint32_t next_request_ = 1;
  unsigned next_exec_ = 1;
  std::deque<Frame> events_;
  std::deque<Frame> replies_;
};

}  // namespace davit::shim
