// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/testing/test_daemon.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstdio>

#include "base/file_io.h"
#include "base/memfd.h"
#include "base/ns_handle.h"
#include "base/time.h"
#include "shim/failure.h"

namespace davit::shim {
namespace {

constexpr int kPatienceMs = 30'000;  // for the slowest machine; nothing is measured by it
constexpr uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

MountStep Filesystem(MountKind kind, std::string target, uint64_t attributes, std::string options = {}) {
  MountStep step;
  step.kind = kind;
  step.target = std::move(target);
  step.attributes = attributes;
  step.options = std::move(options);
  return step;
}

// One copy for all, as in the daemon.
Result<int> ShimProgram() {
  static UniqueFd memfd;
  if (!memfd) {
    std::string program = TRY(ReadFile(DAVIT_SHIM_PATH, 64 << 20));
    memfd = TRY(MakeSealedMemfd("davit-shim", program, MemfdUse::kExecutable));
  }
  return memfd.get();
}

std::string ReadPipe(int fd) {
  return ReadFd(fd, "pipe").value_or("");
}

std::pair<UniqueFd, UniqueFd> MakePipe() {
  int ends[2] = {-1, -1};
  EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

std::string TestId(unsigned n) {
  char id[65];
  snprintf(id, sizeof id, "%064x", n);
  return id;
}

ContainerPlan MinimalPlan(const std::string& id, std::vector<std::string> args) {
  ContainerPlan plan;
  plan.container_id = id;
  plan.mounts = {
      Filesystem(MountKind::kProc, "/proc", kInert),
      Filesystem(MountKind::kTmpfs, "/dev", MOUNT_ATTR_NOSUID, "mode=755,size=65536k"),
      Filesystem(MountKind::kDevpts, "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                 "newinstance,ptmxmode=0666,mode=0620,gid=5"),
      Filesystem(MountKind::kShm, "/dev/shm", kInert),
      Filesystem(MountKind::kMqueue, "/dev/mqueue", kInert),
      Filesystem(MountKind::kSysfs, "/sys", kInert | MOUNT_ATTR_RDONLY),
      Filesystem(MountKind::kCgroup, "/sys/fs/cgroup", kInert | MOUNT_ATTR_RDONLY),
  };
  plan.masked_paths = {"/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/proc/scsi", "/sys/firmware"};
  plan.read_only_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"};
  plan.process.args = std::move(args);
  plan.process.env = {"PATH=/bin"};
  plan.process.capabilities = {kDefaultCapabilities, kDefaultCapabilities, kDefaultCapabilities, 0, 0};
  return plan;
}

TestDaemon::TestDaemon() {
  mkdir((dir_ / "exits").c_str(), 0700);
}

TestDaemon::~TestDaemon() {
  if (!shim_.pidfd.valid()) return;
  if (!control_ && !Connect()) ADD_FAILURE() << "cannot connect to the shim any more";
  if (auto done = Shutdown(); !done)
    ADD_FAILURE() << "shutdown: " << done.error().ToString() << "\n" << ShimLog();
}

std::string TestDaemon::ShimLog() const {
  return ReadFile(dir_ / "shim.log").value_or("");
}

Result<> TestDaemon::LaunchShim(UniqueFd log) {
  int program = TRY(ShimProgram());
  listener_.Reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", (dir_ / "shim.sock").c_str());
  if (bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0)
    return SystemError("bind", "shim");
  if (listen(listener_.get(), 16) < 0) return SystemError("listen", "shim");
  auto [ours, theirs] = TRY(FramePair());
  UniqueFd exits = TRY(OpenAt(AT_FDCWD, dir_ / "exits", O_RDONLY | O_DIRECTORY));
  if (!log) log = TRY(OpenAt(AT_FDCWD, dir_ / "shim.log", O_WRONLY | O_CREAT | O_APPEND, 0600));
  UniqueFd host_root = TRY(OpenAt(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY));

  SpawnRequest request;
  request.program = "/proc/self/fd/" + std::to_string(program);
  request.args = {"davit-shim", TestId(0)};
  request.fds = {{listener_.get(), kShimListenFd},
                 {theirs.get(), kShimControlFd},
                 {exits.get(), kShimExitsFd},
                 {log.get(), kShimLogFd},
                 {host_root.get(), kForgottenFd}};
  shim_ = TRY(Spawn(request));
  control_ = std::move(ours);
  listener_.Reset();
  return {};
}

Result<UniqueFd> TestDaemon::OpenLog(const std::string& path) {
  TRY(OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600));
  return OpenAt(AT_FDCWD, path, O_PATH);
}

Result<> TestDaemon::Connect() {
  UniqueFd connection(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "%s", (dir_ / "shim.sock").c_str());
  if (connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    return SystemError("connect", "shim");
  }
  control_ = std::move(connection);
  return {};
}

Result<Frame> TestDaemon::Receive(int timeout_ms) {
  pollfd ready{control_.get(), POLLIN, 0};
  if (poll(&ready, 1, timeout_ms) <= 0) return Fail(Code::kDeadlineExceeded, "receive", "shim", ShimLog());
  return ReceiveFrame(control_.get());
}

Result<uint32_t> TestDaemon::Send(ShimMessage type, std::string payload, Descriptors fds) {
  uint32_t id = next_request_++;
  TRY(SendFrame(control_.get(), static_cast<uint32_t>(type), id, payload, fds.Borrow()));
  return id;
}

Result<> TestDaemon::SendRaw(const std::string& bytes) {
  return WriteAll(control_.get(), bytes, "shim");
}

Result<Frame> TestDaemon::AwaitReply(uint32_t request_id) {
  while (true) {
    Frame frame;
    auto kept = std::find_if(replies_.begin(), replies_.end(),
                             [request_id](const Frame& reply) { return reply.request_id == request_id; });
    if (kept != replies_.end()) {
      frame = std::move(*kept);
      replies_.erase(kept);
    } else {
      frame = TRY(Receive(kPatienceMs));
    }
    if (frame.request_id == 0) {
      events_.push_back(std::move(frame));
    } else if (frame.request_id != request_id) {
      replies_.push_back(std::move(frame));
    } else {
      return AnswerIn(std::move(frame));
    }
  }
}

Result<Frame> TestDaemon::Call(ShimMessage type, std::string payload, Descriptors fds) {
  return AwaitReply(TRY(Send(type, std::move(payload), std::move(fds))));
}

template <typename T>
Result<T> TestDaemon::AwaitEvent(ShimMessage type, std::string T::* key, const std::string& id) {
  while (true) {
    for (auto it = events_.begin(); it != events_.end(); ++it) {
      if (it->type != static_cast<uint32_t>(type)) continue;
      T event = TRY(Decode<T>(it->payload, "event"));
      if (event.*key != id) continue;
      events_.erase(it);
      return event;
    }
    Frame frame = TRY(Receive(kPatienceMs));
    (frame.request_id == 0 ? events_ : replies_).push_back(std::move(frame));
  }
}

Result<ContainerExited> TestDaemon::AwaitExit(const std::string& id) {
  return AwaitEvent(ShimMessage::kContainerExited, &ContainerExited::container_id, id);
}

Result<ExecExited> TestDaemon::AwaitExecExit(const std::string& id) {
  return AwaitEvent(ShimMessage::kExecExited, &ExecExited::exec_id, id);
}

Result<SandboxFailed> TestDaemon::AwaitSandboxFailed() {
  while (true) {
    for (auto it = events_.begin(); it != events_.end(); ++it) {
      if (it->type != static_cast<uint32_t>(ShimMessage::kSandboxFailed)) continue;
      Frame event = std::move(*it);
      events_.erase(it);
      return Decode<SandboxFailed>(event.payload, "event");
    }
    Frame frame = TRY(Receive(kPatienceMs));
    (frame.request_id == 0 ? events_ : replies_).push_back(std::move(frame));
  }
}

Result<HelloReply> TestDaemon::Hello(Descriptors* fds, const std::string& after) {
  Frame frame = TRY(Call(ShimMessage::kHello, Encode(HelloRequest{kOwnVersions, after})));
  if (fds != nullptr) *fds = std::move(frame.fds);
  return Decode<HelloReply>(frame.payload, "HelloReply");
}

Result<UniqueFd> TestDaemon::StartSandbox(const SandboxPlan& plan) {
  struct StartSandbox request{kOwnVersions, Encode(plan)};
  Frame frame = TRY(Call(ShimMessage::kStartSandbox, Encode(request)));
  return frame.fds.Take(FdRole::kNetNamespace);
}

Result<Descriptors> TestDaemon::ContainerFds(const ContainerPlan& plan, const TestImage& image,
                                             const TestCgroup* cgroup) {
  Descriptors fds;
  fds.Add(FdRole::kRootfs, TRY(image.Mount()));
  fds.Add(FdRole::kHostMounts, TRY(NsHandle::OfSelf("mnt")).Take());
  fds.Add(FdRole::kLog, TRY(OpenLog(LogPath(plan.container_id))));
  fds.Add(FdRole::kCgroupDir, TRY(OpenAt(AT_FDCWD, "/sys/fs/cgroup", O_PATH | O_DIRECTORY)));
  if (cgroup == nullptr) return fds;
  for (UniqueFd& procs : cgroup->OpenProcs()) fds.Add(FdRole::kCgroupProcs, std::move(procs));
  if (UniqueFd unified = cgroup->OpenUnified()) fds.Add(FdRole::kCgroupUnified, std::move(unified));
  if (UniqueFd kill = cgroup->Open("cgroup.kill", O_WRONLY)) fds.Add(FdRole::kCgroupKill, std::move(kill));
  if (UniqueFd oom = cgroup->Open("memory.oom_control", O_RDONLY))
    fds.Add(FdRole::kCgroupOom, std::move(oom));
  return fds;
}

Result<StartedContainer> TestDaemon::Start(const ContainerPlan& plan, Descriptors fds, uint32_t timeout_ms) {
  return Start(StartContainer{plan.container_id, timeout_ms, Encode(plan)}, std::move(fds));
}

Result<StartedContainer> TestDaemon::Start(const StartContainer& request, Descriptors fds) {
  Frame frame = TRY(Call(ShimMessage::kStartContainer, Encode(request), std::move(fds)));
  UniqueFd process = TRY(frame.fds.Require(FdRole::kProcess, "start", request.container_id));
  return StartedContainer{TRY(Decode<ContainerStarted>(frame.payload, "ContainerStarted")),
                          PidFd(std::move(process))};
}

Result<StartedContainer> TestDaemon::Start(const ContainerPlan& plan, const TestImage& image,
                                           const TestCgroup* cgroup, uint32_t timeout_ms) {
  return Start(plan, TRY(ContainerFds(plan, image, cgroup)), timeout_ms);
}

Result<ContainerOutcome> TestDaemon::Run(const ContainerPlan& plan, const TestImage& image,
                                         const TestCgroup* cgroup) {
  TRY(Start(plan, image, cgroup));
  return Outcome(TRY(AwaitExit(plan.container_id)));
}

ContainerOutcome TestDaemon::Outcome(ContainerExited exit) const {
  ContainerOutcome outcome;
  std::string log = ReadFile(LogPath(exit.container_id), 256 << 20).value_or("");
  for (size_t pos = 0; pos < log.size();) {
    size_t end = std::min(log.find('\n', pos), log.size());
    std::string line = log.substr(pos, end - pos);
    pos = end + 1;
    size_t stamp = line.find(' ');
    bool is_err = line.compare(stamp + 1, 6, "stderr") == 0;
    // "stdout F text"
    (is_err ? outcome.err : outcome.out).push_back(line.substr(std::min(stamp + 10, line.size())));
  }
  outcome.exit = std::move(exit);
  return outcome;
}

Result<TestDaemon::ExecOutcome> TestDaemon::Exec(const std::string& container_id, const ProcessPlan& plan) {
  auto [out_read, out_write] = MakePipe();
  auto [err_read, err_write] = MakePipe();
  Descriptors fds;
  fds.Add(FdRole::kStdout, std::move(out_write));
  fds.Add(FdRole::kStderr, std::move(err_write));
  ExecRequest request{container_id, TestId(1000 + next_exec_++), Encode(plan)};
  TRY(Call(ShimMessage::kExec, Encode(request), std::move(fds)));
  ExecOutcome outcome;
  outcome.out = ReadPipe(out_read.get());
  outcome.err = ReadPipe(err_read.get());
  outcome.exit = TRY(AwaitExecExit(request.exec_id));
  return outcome;
}

Result<> TestDaemon::Kill(const std::string& id) {
  TRY(Call(ShimMessage::kKillContainer, Encode(KillContainer{id})));
  return {};
}

Result<> TestDaemon::Shutdown() {
  auto answered = Call(ShimMessage::kShutdown);
  ExitStatus status = TRY(ReapShim());
  if (!answered) return std::unexpected(answered.error());
  if (status.code != 0) return Fail(Code::kInternal, "shutdown", "shim", "it did not end by itself");
  return {};
}

Result<ExitStatus> TestDaemon::ReapShim() {
  ChildProcess shim = std::move(shim_);
  auto ended = shim.pidfd.WaitExit(kPatienceMs);
  if (!ended || !*ended) (void)shim.pidfd.Signal(SIGKILL);
  return Reap(shim);
}

Result<> TestDaemon::CrashShim() {
  ChildProcess shim = std::move(shim_);
  TRY(shim.pidfd.Signal(SIGKILL));
  TRY(Reap(shim));
  return {};
}

}  // namespace davit::shim
