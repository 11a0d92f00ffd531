// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/runtime/sessions.h"

#include <sys/eventfd.h>

#include <memory>

#include "base/duplicate.h"
#include "base/frame.h"
#include "base/guarded.h"
#include "cri/runtime/client_streams.h"
#include "cri/runtime/exec_prepare.h"
#include "cri/runtime/stream_request.h"
#include "shim/session.h"

namespace davit::cri {
namespace {

// As much as a pipe may have without privileges: fewer wakeups for each megabyte.
constexpr int kPipeBytes = 1 << 20;

Result<> AddPipe(Direction direction, shim::FdRole role, StartFrame& frame, ClientStreams& streams) {
  StreamPipe pipe = TRY(MakeStreamPipe(direction, kPipeBytes));
  frame.Add(role, std::move(pipe.theirs));
  streams.Add(role, std::move(pipe.ours));
  return {};
}

}  // namespace

Result<> ClientStreams::SendTo(int connection) const {
  std::vector<RoleFd> fds = fds_.Borrow();
  return SendFrame(connection, static_cast<uint32_t>(shim::SessionMessage::kStreams), /*request_id=*/0, "",
                   fds);
}

void ClientStreams::AddInput(AttachedInput input) {
  if (input.terminal) Add(shim::FdRole::kTerminal, std::move(input.terminal));
  if (input.input) Add(shim::FdRole::kInput, std::move(input.input));
}

Result<ClientStreams> AddAttachment(StartFrame& frame) {
  ClientStreams streams;
  TRY(AddPipe(Direction::kFromProcess, shim::FdRole::kStdout, frame, streams));
  TRY(AddPipe(Direction::kFromProcess, shim::FdRole::kStderr, frame, streams));
  UniqueFd cut_off(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!cut_off) return SystemError("eventfd", "attach");
  frame.Add(shim::FdRole::kCutOff, TRY(Duplicate(cut_off.get(), "cut-off")));
  streams.Add(shim::FdRole::kCutOff, std::move(cut_off));
  return streams;
}

Result<SessionTarget> Sessions::TargetOf(const std::string& container_id, Owner owner) const {
  ContainerPtr container = TRY(ports_.pods.FindContainer(container_id, owner));
  TRY(RequireRunning(*container, "find container"));
  return SessionTarget{container->id(), container->config().tty()};
}

Result<> Sessions::Begin(const SessionExec& wanted, UniqueFd connection, int64_t deadline_ms) {
  bool terminal = wanted.terminal.has_value();
  ContainerPtr container = TRY(ports_.pods.FindContainer(wanted.container_id));
  PreparedExec exec = TRY(PrepareExec(ports_.confinement, container, wanted.command,
                                      terminal ? ExecTerminal::kOwn : ExecTerminal::kNone, wanted.changes));
  StartFrame& frame = exec.launch.frame;
  ClientStreams streams;
  if (!terminal) {
    if (wanted.input) TRY(AddPipe(Direction::kToProcess, shim::FdRole::kStdin, frame, streams));
    TRY(AddPipe(Direction::kFromProcess, shim::FdRole::kStdout, frame, streams));
    TRY(AddPipe(Direction::kFromProcess, shim::FdRole::kStderr, frame, streams));
  }
  exec.launch.session = ExecLaunch::Session{wanted.terminal};
  // Before the shim has the connection: what it sends comes after this.
  TRY(streams.SendTo(connection.get()));
  frame.Add(shim::FdRole::kOutcome, std::move(connection));
  return exec.shim->HandExec(exec.launch, deadline_ms);
}

void Sessions::BeginDetached(const SessionExec& wanted, OnStarted on_started) {
  Result<> begun = Guarded("exec in container", wanted.container_id, [&]() -> Result<> {
    ContainerPtr container = TRY(ports_.pods.FindContainer(wanted.container_id));
    PreparedExec exec =
        TRY(PrepareExec(ports_.confinement, container, wanted.command, ExecTerminal::kNone, wanted.changes));
    exec.shim->StartExec(std::move(exec.launch), [on_started](Result<UniqueFd> started) {
      on_started(started ? Result<>() : std::unexpected(std::move(started).error()));
    });
    return {};
  });
  if (!begun) on_started(std::move(begun));
}

void Sessions::Begin(const SessionAttach& wanted, UniqueFd connection, OnAttached on_attached) {
  Result<> begun = Guarded("attach to container", wanted.container_id, [&]() -> Result<> {
    ContainerPtr container = TRY(ports_.pods.FindContainer(wanted.container_id));
    TRY(RequireRunning(*container, "attach to container"));
    ShimPtr shim = TRY(container->sandbox().LiveShim());
    StartFrame frame;
    auto streams = std::make_shared<ClientStreams>(TRY(AddAttachment(frame)));
    auto client = std::make_shared<UniqueFd>(std::move(connection));
    shim->Attach(container->id(), {wanted.input, wanted.patient}, std::move(frame),
                 [streams, client, on_attached](Result<AttachedInput> attached) {
                   if (!attached) return on_attached(std::unexpected(std::move(attached).error()));
                   streams->AddInput(std::move(*attached));
                   on_attached(streams->SendTo(client->get()));
                 });
    return {};
  });
  if (!begun) on_attached(std::move(begun));
}

}  // namespace davit::cri
