// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The frames between davitd and a shim (base/frame.h); payloads are messages of base/codec.h.
//
// The daemon sends requests; the shim answers with the same request id, by the message that is named below or
// by kFailed. Requests are answered when they are done, in any order; the shim reads the next request without
// waiting for earlier ones. One daemon is connected at a time: a new connection on the shim's listening
// socket replaces the old one. Requests that are outstanding on the old connection are carried out without an
// answer. A frame that cannot be read is answered with kFailed if its request id is known; it ends neither
// the connection nor the pod.
//
// Compatibility: a shim lives as long as its pod, so a newer daemon meets older shims, and after a downgrade
// an older daemon meets newer ones. Fields are added as base/codec.h says; new requests, events and roles get
// new numbers. In kHello and kStartSandbox both sides state their version and the oldest version that they
// support (Versions). If these are not compatible, only kHello, kKillContainer and kShutdown may be sent, and
// these never change. A request or a role that a version has added is sent only to a peer of that version or
// a later one. A receiver refuses unknown requests and unknown descriptors in requests; it ignores unknown
// events and unknown descriptors in answers. `tests/compatibility` runs the previous release's shim.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/codec.h"

namespace davit::shim {

constexpr uint32_t kShimProtocolVersion = 3;
constexpr uint32_t kOldestShimProtocol = 1;  // that this release supports

struct Versions {
  uint32_t version = 0;
  uint32_t oldest = 0;

  auto Fields() { return FieldList(Field<1>(version), Field<2>(oldest)); }
};
constexpr Versions kOwnVersions{kShimProtocolVersion, kOldestShimProtocol};
// The first versions that know of something.
constexpr uint32_t kKnowsCgroupParentOom = 2;
constexpr uint32_t kKnowsSessions = 3;  // ExecRequest::session, StartContainer::attachment

// Whether two sides with these versions can communicate.
constexpr bool AreCompatible(const Versions& a, const Versions& b) {
  return a.version >= b.oldest && b.version >= a.oldest;
}

// Descriptors that a shim is started with. A shim's argv is {"davit-shim", <sandbox id>}.
constexpr int kShimListenFd = 3;   // listening SEQPACKET socket, bound by the daemon
constexpr int kShimControlFd = 4;  // first connection, already established
constexpr int kShimExitsFd = 5;    // directory for exit records
constexpr int kShimLogFd = 6;      // for the shim's own log lines

// The message after "->" is the answer. After the colon: the payload, then descriptors (FdRole); "?" marks
// those that may be absent.
enum class ShimMessage : uint32_t {
  kFailed = 1,  // ErrorMessage

  kHello = 10,       // HelloRequest -> kHelloReply
  kHelloReply = 11,  // HelloReply; kProcess per container, in order; kNetNamespace?, kUserNamespace?

  kStartSandbox = 12,    // StartSandbox -> kSandboxStarted
  kSandboxStarted = 13,  // SandboxStarted; kNetNamespace?, kUserNamespace?

  kStartContainer = 20,    // StartContainer, with the descriptors of a container -> kContainerStarted
  kContainerStarted = 21,  // ContainerStarted; kProcess; with an attachment as in kAttached

  kExec = 22,  // ExecRequest, with the descriptors of an exec -> kExecStarted; with kOutcome, answer and
               // event are sent to that socket instead, and the answer only for a session
  kExecStarted = 23,  // ExecStarted; kProcess, kTerminal?

  kReopenLog = 24,  // ReopenLog; kLog -> kDone
  kDone = 25,       // answer without content

  kKillContainer = 26,  // KillContainer -> kDone at once: SIGKILL to its first process; the others are killed
                        // when that has ended

  kAttach = 27,      // AttachRequest; kStdout?, kStderr?, kCutOff -> kAttached
  kAttached = 28,    // no payload; kTerminal or kInput or neither
  kCloseInput = 29,  // CloseInput -> kDone: the shim closes its end of the container's input

  kShutdown = 30,  // -> kDone: the sandbox ends. Kills all processes, releases the namespaces, answers, exits

  kContainerExited = 40,  // event, ContainerExited: after the exit record is on disk, or could not be written
  kExecExited = 41,       // event, ExecExited
  kSandboxFailed = 42,    // event, SandboxFailed: no container can start in this pod any more
};

// The role of a descriptor in a frame. 1 is the frame's own (kPayloadRole).
enum class FdRole : uint32_t {
  // A container's.
  kRootfs = 2,      // detached mount (fsmount(2)); attached by the init child in its own mount namespace
  kHostMounts = 3,  // the daemon's mount namespace, for bind sources
  kLog =
      4,  // the CRI log file, O_PATH: a separate process opens it (log_task.h); if absent, output is dropped
  kSeccomp = 5,      // memfd: array of struct sock_filter; an exec's, too
  kCgroupProcs = 6,  // of the container's cgroup, O_RDWR, one per hierarchy: `tasks` on v1, cgroup.procs on
                     // v2, v2's first
  kCgroupKill = 7,   // cgroup.kill, where there is a v2 hierarchy
  kCgroupOom = 8,    // memory.oom_control (v1) or memory.events (v2): the shim reads "oom_kill N" at exit
  kCgroupDir = 9,    // /sys/fs/cgroup as O_PATH, for kCgroup mounts
  kTargetPid = 10,   // NamespaceUse::kTarget: a pidfd of the target container's init
  kImage = 11,       // detached mounts of the plan's image volumes, one each, in their order
  kCgroupUnified = 12,    // the v2 cgroup's directory, for CLONE_INTO_CGROUP. A container has a kCgroupProcs
                          // for it as well; an exec's is a separate cgroup below the container's
  kCgroupParentOom = 13,  // memory.events of the parent, where the container's cgroup may be removed as soon
                          // as it has no process: read where kCgroupOom is gone

  // An exec's or a client's.
  kStdin = 20,  // exec only
  kStdout = 21,
  kStderr = 22,
  kCutOff = 23,   // attach only: an eventfd
  kOutcome = 24,  // exec only: a SEQPACKET socket for a client that waits for the end only. It receives one
                  // frame, kExecExited or kFailed; closing it kills the command. For sessions see
                  // ClientSession

  // In answers.
  kProcess = 30,  // a pidfd: of a container's init, of an exec
  kNetNamespace = 31,
  kUserNamespace = 32,
  kTerminal = 33,  // the controller of a terminal
  kInput = 34,     // the writing end of a container's input
};

// The content of an exit record, in `exits/<container id>`, and of the event. The record is kept until the
// daemon removes the file. The shim writes a record at most once, and never after it has notified a daemon of
// the exit: an exit whose record could not be written before that is repeated in every HelloReply instead.
struct ContainerExited {
  std::string container_id;
  int32_t exit_code = 0;
  int32_t signal = 0;  // 0: exited by itself
  bool oom_killed = false;
  int64_t finished_at = 0;  // nanoseconds since 1970

  auto Fields() {
    return FieldList(Field<1>(container_id), Field<2>(exit_code), Field<3>(signal), Field<4>(oom_killed),
                     Field<5>(finished_at));
  }
};

struct LiveContainer {
  std::string container_id;
  int32_t pid = 0;  // in the shim's PID namespace
  int64_t started_at = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> groups;

  auto Fields() {
    return FieldList(Field<1>(container_id), Field<2>(pid), Field<3>(started_at), Field<4>(uid),
                     Field<5>(gid), Field<6>(groups));
  }
};

struct HelloRequest {
  Versions daemon;
  std::string after;  // a container id: lists only containers whose ids follow it in their order

  auto Fields() { return FieldList(Field<1>(daemon), Field<2>(after)); }
};

// The most containers in one HelloReply: a frame has room for a limited number of descriptors.
constexpr size_t kMaxContainersInHello = 128;
// The most supplementary groups in one HelloReply, in all its containers; one container is always listed.
constexpr size_t kMaxGroupsInHello = 1 << 19;

struct HelloReply {
  Versions shim;
  int32_t pid = 0;  // the shim's own, in the initial PID namespace, for a daemon that has not stored it
  std::string sandbox_id;
  bool sandbox_started = false;
  std::vector<LiveContainer> containers;          // running, in the order of their ids
  bool more = false;                              // more containers follow the last one
  std::string sandbox_failed;                     // SandboxFailed::reason, or empty
  std::vector<ContainerExited> unrecorded_exits;  // those without an exit record

  auto Fields() {
    return FieldList(Field<1>(shim), Field<2>(pid), Field<3>(sandbox_id), Field<4>(sandbox_started),
                     Field<5>(containers), Field<6>(more), Field<7>(sandbox_failed),
                     Field<8>(unrecorded_exits));
  }
};

struct SandboxFailed {
  std::string reason;

  auto Fields() { return FieldList(Field<1>(reason)); }
};

struct StartSandbox {
  Versions daemon;
  std::string plan;  // SandboxPlan

  auto Fields() { return FieldList(Field<1>(daemon), Field<2>(plan)); }
};

struct SandboxStarted {
  Versions shim;

  auto Fields() { return FieldList(Field<1>(shim)); }
};

// The size of a terminal's window in characters; 0: unknown.
struct WindowSize {
  uint16_t rows = 0;
  uint16_t columns = 0;

  auto Fields() { return FieldList(Field<1>(rows), Field<2>(columns)); }
};

// A client that is attached before the program runs, and so receives all of its output. As AttachRequest,
// with the same descriptors beside those of the container, and with `patient`.
struct Attachment {
  bool input = false;
  WindowSize window;  // of the terminal, if it has one

  auto Fields() { return FieldList(Field<1>(input), Field<2>(window)); }
};

struct StartContainer {
  std::string container_id;
  uint32_t timeout_ms = 0;  // after which a start that has not reached execve is killed and fails
  std::string plan;         // ContainerPlan
  std::optional<Attachment> attachment = {};  // from kKnowsSessions on

  auto Fields() {
    return FieldList(Field<1>(container_id), Field<2>(timeout_ms), Field<3>(plan), Field<4>(attachment));
  }
};

using ContainerStarted = LiveContainer;

// The peer of kOutcome is a client as in shim/session.h. It receives kExecStarted (kTerminal?) first, and may
// send SessionMessages. When it closes the connection, the shim kills the command, or hangs its terminal up.
struct ClientSession {
  WindowSize window;  // of the terminal, if the plan has one

  auto Fields() { return FieldList(Field<1>(window)); }
};

struct ExecRequest {
  std::string container_id;
  std::string exec_id;
  std::string plan;                           // ProcessPlan
  std::optional<ClientSession> session = {};  // with kOutcome only; from kKnowsSessions on

  auto Fields() {
    return FieldList(Field<1>(container_id), Field<2>(exec_id), Field<3>(plan), Field<4>(session));
  }
};

struct ExecStarted {
  int32_t pid = 0;

  auto Fields() { return FieldList(Field<1>(pid)); }
};

// A client that receives the container's output from now on, in addition to its log, and may write to its
// input. The shim writes to the pipes kStdout and kStderr. If one of them is full, the client is too slow:
// the shim signals kCutOff and closes both; for a patient client it reads no more of the container's output
// until there is room, so that the container waits for the client. When the container closes its output, the
// shim closes the pipes without kCutOff. The answer has the controller of the container's terminal if there
// is one, else the writing end of its input if `input` is true and the container has an input.
struct AttachRequest {
  std::string container_id;
  bool input = false;
  std::optional<bool> patient = {};  // absent: false

  auto Fields() { return FieldList(Field<1>(container_id), Field<2>(input), Field<3>(patient)); }
};

struct CloseInput {
  std::string container_id;

  auto Fields() { return FieldList(Field<1>(container_id)); }
};

struct ExecExited {
  std::string exec_id;
  int32_t exit_code = 0;
  int32_t signal = 0;

  auto Fields() { return FieldList(Field<1>(exec_id), Field<2>(exit_code), Field<3>(signal)); }
};

struct ReopenLog {
  std::string container_id;

  auto Fields() { return FieldList(Field<1>(container_id)); }
};

struct KillContainer {
  std::string container_id;

  auto Fields() { return FieldList(Field<1>(container_id)); }
};

}  // namespace davit::shim
