// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The frames between davitd and a shim (base/frame.h), all in the form of base/codec.h.
//
// The daemon asks, the shim answers with the same request id: the message named, or kFailed. Requests are
// answered when they are done, in any order; the shim never waits for one before it reads the next. One
// daemon is connected at a time: a new connection on the shim's listening socket replaces the old one.
// Everything outstanding on the old one is finished as if it had been asked by the new one, without an
// answer.
//
// Compatibility: a shim lives as long as its pod, so a newer daemon meets older shims. Fields are only ever
// appended as a new message type with a new number, and the daemon uses what the version in Hello allows.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

namespace davit {

constexpr uint16_t kShimProtocolVersion = 1;

// Descriptors that a shim is started with. A shim's argv is {"davit-shim", <sandbox id>}.
constexpr int kShimListenFd = 3;   // listening SEQPACKET socket, bound by the daemon
constexpr int kShimControlFd = 4;  // first connection, already established
constexpr int kShimExitsFd = 5;    // directory for exit records
constexpr int kShimLogFd = 6;      // where the shim's own log lines go

enum class ShimMessage : uint16_t {
  kFailed = 1,  // ShimFailure

  kHello = 10,       // request, no payload
  kHelloReply = 11,  // HelloReply; fds: one pidfd per live container, in order, the netns if has_netns,
                     // the user namespace if has_user_namespace

  kStartSandbox = 12,    // fds: SandboxPlan memfd
  kSandboxStarted = 13,  // fds: netns when own_network, the user namespace when there is one

  kStartContainer = 20,    // StartContainer; fds as FdRole says
  kContainerStarted = 21,  // ContainerStarted; fds: pidfd

  kExec = 22,         // ExecRequest; fds as FdRole says. With kOutcome nothing of it is said here
  kExecStarted = 23,  // ExecStarted; fds: pidfd, then the controller of the terminal that the plan asked for

  kReopenLog = 24,  // ReopenLog; fds: the new log file
  kDone = 25,       // answer without content

  kKillContainer = 26,  // KillContainer: SIGKILL to everything in the container, answered with kDone at once

  kAttach = 27,      // AttachRequest; fds as FdRole says
  kAttached = 28,    // Attached; fds: as it says
  kCloseInput = 29,  // CloseInput: the container reads the end of its input; answered with kDone

  kShutdown = 30,  // the sandbox ends: kills what is left, releases the namespaces, answers kDone and exits

  kContainerExited = 40,  // event, ContainerExited: after the exit record is on disk, or could not be written
  kExecExited = 41,       // event, ExecExited
  kSandboxFailed = 42,    // event, SandboxFailed: no container can start in this pod any more
};

// What a descriptor in a kStartContainer or kExec frame is for. StartContainer::fds and ExecRequest::fds list
// one role per descriptor, in the frame's order.
enum class FdRole : uint8_t {
  kPlan,        // sealed memfd: ContainerPlan or ProcessPlan
  kRootfs,      // detached mount (fsmount(2)); attached by the init child in its own mount namespace
  kHostMounts,  // the daemon's mount namespace, for bind sources
  kLog,  // the CRI log file, O_PATH: a process of its own opens it (log_task.h); absent: output is dropped
  kSeccomp,        // memfd: array of struct sock_filter
  kCgroupProcs,    // of the container's cgroup, O_RDWR, one per hierarchy: `tasks` on v1, cgroup.procs on v2,
                   // v2's first
  kCgroupKill,     // cgroup.kill, where there is a v2 hierarchy
  kCgroupOom,      // memory.oom_control (v1) or memory.events (v2): the shim reads "oom_kill N" at exit
  kCgroupDir,      // /sys/fs/cgroup as O_PATH, for kCgroup mounts
  kTargetPid,      // NamespaceUse::kTarget: a pidfd of the target container's init
  kStdin,          // exec only
  kStdout,         // exec and attach only
  kStderr,         // exec and attach only
  kCgroupUnified,  // the v2 cgroup's directory, for CLONE_INTO_CGROUP; for a container there is a
                   // kCgroupProcs for it as well, for an exec it is one of its own below the container's
  kCutOff,         // attach only: an eventfd
  kImage,          // detached mount of an image volume, as often as the plan has them
  kOutcome,        // exec only: a SEQPACKET socket for whoever waits for the end alone. It gets one frame,
                   // kExecExited or kFailed; hanging it up kills the command
};

// Where a start went wrong. `step` and `subject` as in Error.
struct ShimFailure {
  uint8_t code = 0;  // davit::Code
  int32_t os_errno = 0;
  std::string step;
  std::string subject;
  std::string context;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.code, s.os_errno, s.step, s.subject, s.context);
  }
};

// The content of an exit record, in `exits/<container id>`, and of the event. Kept until the daemon removes
// the file. The shim writes a record once at most, and never after it has told a daemon of the exit: an exit
// whose record could not be written before that is repeated in every HelloReply instead.
struct ContainerExited {
  std::string container_id;
  int32_t exit_code = 0;  // 128 + signal when a signal ended it
  int32_t signal = 0;
  bool oom_killed = false;
  int64_t finished_at = 0;  // nanoseconds since 1970

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id, s.exit_code, s.signal, s.oom_killed, s.finished_at);
  }
};

struct LiveContainer {
  std::string container_id;
  int32_t pid = 0;  // in the shim's PID namespace
  int64_t started_at = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id, s.pid, s.started_at, s.uid, s.gid, s.groups);
  }
};

struct HelloReply {
  uint16_t version = 0;
  int32_t pid = 0;  // the shim's own, in the initial PID namespace: a daemon that died before it wrote it
                    // down finds it here
  std::string sandbox_id;
  bool sandbox_started = false;
  bool has_netns = false;
  bool has_user_namespace = false;
  std::vector<LiveContainer> containers;
  std::string sandbox_failed;                     // SandboxFailed::reason, or empty
  std::vector<ContainerExited> unrecorded_exits;  // those without an exit record

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.version, s.pid, s.sandbox_id, s.sandbox_started, s.has_netns, s.has_user_namespace,
                    s.containers, s.sandbox_failed, s.unrecorded_exits);
  }
};

struct SandboxFailed {
  std::string reason;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.reason);
  }
};

struct StartContainer {
  std::string container_id;
  uint32_t timeout_ms = 0;  // after which a start that has not reached execve is killed and fails
  std::vector<FdRole> fds;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id, s.timeout_ms, s.fds);
  }
};

using ContainerStarted = LiveContainer;

// A plan that fits into the request costs no memfd.
constexpr size_t kMaxPlanInRequest = 16 << 10;

struct ExecRequest {
  std::string container_id;
  std::string exec_id;
  std::vector<FdRole> fds;
  std::string plan;  // ProcessPlan, empty when it comes as kPlan

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id, s.exec_id, s.fds, s.plan);
  }
};

struct ExecStarted {
  int32_t pid = 0;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.pid);
  }
};

// A client that is shown what the container writes from now on, beside its log, and may write to its input.
// kStdout and kStderr are pipes to write to. One that is full has a client that is too slow: both are closed
// then, after kCutOff was written, and so they are, without that, when the container closes its output.
struct AttachRequest {
  std::string container_id;
  bool input = false;
  std::vector<FdRole> fds;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id, s.input, s.fds);
  }
};

// Its descriptors are the controller of the container's terminal if has_terminal, else the writing end of its
// input if has_input, else none.
struct Attached {
  bool has_terminal = false;
  bool has_input = false;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.has_terminal, s.has_input);
  }
};

struct CloseInput {
  std::string container_id;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id);
  }
};

struct ExecExited {
  std::string exec_id;
  int32_t exit_code = 0;
  int32_t signal = 0;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.exec_id, s.exit_code, s.signal);
  }
};

struct ReopenLog {
  std::string container_id;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id);
  }
};

struct KillContainer {
  std::string container_id;

  template <typename Self>
  static auto Fields(Self& s) {
    return std::tie(s.container_id);
  }
};

}  // namespace davit
