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

namespace davit {

// 64 hexadecimal digits, `n` at the end.
std::string TestId(unsigned n);

// What a container of these tests needs at least: the filesystems that the daemon always mounts, all
// capabilities dropped to the usual fourteen, and `args` as its program.
ContainerPlan MinimalPlan(const std::string& id, std::vector<std::string> args);
constexpr uint64_t kDefaultCapabilities = 0xa80425fb;

// Every shim of these tests has the host's root open here, inheritable: what a careless daemon leaks.
constexpr int kForgottenFd = 60;

struct StartedContainer {
  ContainerStarted info;
  PidFd pidfd;
};

struct ContainerOutcome {
  ContainerExited exit;
  std::vector<std::string> out;  // lines of the log without their stamps, per stream
  std::vector<std::string> err;
};

class TestDaemon {
 public:
  TestDaemon();
  // Ends the shim, and fails the test when it does not end by itself.
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
  // A log as the daemon sends it.
  static Result<UniqueFd> OpenLog(const std::string& path);

  // As a daemon that dies, and another one that finds the shim.
  void Disconnect() { control_.Reset(); }
  Result<> Connect();

  // One request and its answer; kFailed comes back as its error. Events that come in between are kept.
  Result<Frame> Call(ShimMessage type, std::string payload = {}, Descriptors fds = {});
  Result<uint32_t> Send(ShimMessage type, std::string payload, Descriptors fds = {});
  // No frame at all.
  Result<> SendRaw(const std::string& bytes);
  Result<Frame> AwaitReply(uint32_t request_id);
  // No event, and no answer to a request that nobody awaited, as far as was read.
  bool HeardNothing() const { return events_.empty() && replies_.empty(); }
  Result<ContainerExited> AwaitExit(const std::string& id);
  Result<ExecExited> AwaitExecExit(const std::string& id);
  Result<SandboxFailed> AwaitSandboxFailed();

  // `fds` are those of the reply.
  Result<HelloReply> Hello(Descriptors* fds = nullptr, const std::string& after = {});
  Result<UniqueFd> StartSandbox(const SandboxPlan& plan);  // the netns, when the pod has one
  // The usual descriptors: rootfs, host mounts, log, cgroup directory, and those of `cgroup`.
  Result<Descriptors> ContainerFds(const ContainerPlan& plan, const TestImage& image,
                                   const TestCgroup* cgroup = nullptr);
  Result<StartedContainer> Start(const ContainerPlan& plan, const TestImage& image,
                                 const TestCgroup* cgroup = nullptr, uint32_t timeout_ms = 20'000);
  Result<StartedContainer> Start(const ContainerPlan& plan, Descriptors fds, uint32_t timeout_ms = 20'000);
  // With any bytes for a plan.
  Result<StartedContainer> Start(const StartContainer& request, Descriptors fds);
  // Starts it and waits for its end.
  Result<ContainerOutcome> Run(const ContainerPlan& plan, const TestImage& image,
                               const TestCgroup* cgroup = nullptr);
  ContainerOutcome Outcome(ContainerExited exit) const;

  // The output goes to pipes whose content is returned when the program has ended.
  struct ExecOutcome {
    ExecExited exit;
    std::string out;
    std::string err;
  };
  Result<ExecOutcome> Exec(const std::string& container_id, const ProcessPlan& plan);

  Result<> Kill(const std::string& id);
  // The shim has to be gone when it returns.
  Result<> Shutdown();
  // Waits for its end.
  Result<ExitStatus> ReapShim();
  // Kills and reaps it.
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

}  // namespace davit
