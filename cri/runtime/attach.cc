// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sys/eventfd.h>

#include "base/codec.h"
#include "base/duplicate.h"
#include "cri/runtime/runtime.h"
#include "cri/runtime/stream_pipe.h"
#include "cri/runtime/stream_request.h"

namespace davit {
namespace {

// How far a client may be behind the container's output before it is cut off, beside what its socket holds.
constexpr int kPipeBytes = 1 << 20;

}  // namespace

Result<> RequireRunning(const Container& container, std::string_view step) {
  if (container.phase() == ContainerPhase::kRunning) return {};
  return Fail(Code::kFailedPrecondition, step, container.id(), "it is not running");
}

Result<ProcessStreams> TerminalStreams(UniqueFd controller) {
  ProcessStreams streams;
  streams.in = TRY(Duplicate(controller.get(), "terminal"));
  streams.out = TRY(Duplicate(controller.get(), "terminal"));
  streams.terminal = std::move(controller);
  return streams;
}

Result<AttachOrder> Runtime::OrderAttach(const v1::AttachRequest& request) {
  StreamSet streams = TRY(StreamsOf(request));
  ContainerPtr container = TRY(pods_.FindContainer(request.container_id()));
  TRY(RequireRunning(*container, "attach to container"));
  return AttachOrder{container->id(), streams};
}

void Runtime::StreamAttach(const AttachOrder& order, OnStreams on_streams) {
  streams_.Post([this, order, on_streams] { on_streams(Attach(order)); });
}

Result<ProcessStreams> Runtime::Attach(const AttachOrder& order) {
  ContainerPtr container = TRY(pods_.FindContainer(order.container_id));
  std::shared_ptr<ShimLink> link = TRY(LinkOf(container->sandbox()));
  // A client that only types wants to know when the container ends, too: stdout's end tells.
  StreamPipe out = TRY(MakeStreamPipe(Direction::kFromProcess, kPipeBytes));
  StreamPipe err = TRY(MakeStreamPipe(Direction::kFromProcess, kPipeBytes));
  UniqueFd cut_off(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!cut_off) return SystemError("eventfd", "attach");
  StartFrame frame;
  frame.Add(FdRole::kStdout, std::move(out.theirs));
  frame.Add(FdRole::kStderr, std::move(err.theirs));
  frame.Add(FdRole::kCutOff, TRY(Duplicate(cut_off.get(), "cut-off")));
  ::davit::AttachRequest request{container->id(), order.streams.in, frame.roles()};
  Frame reply = TRY(link->Call(ShimMessage::kAttach, Encode(request), frame.fds(), OperationDeadline()));
  Attached attached = TRY(Decode<Attached>(reply.payload, "Attached"));

  ProcessStreams streams;
  if (attached.has_terminal && !reply.fds.empty()) {
    streams = TRY(TerminalStreams(std::move(reply.fds[0])));
  } else if (attached.has_input && !reply.fds.empty()) {
    streams.in = std::move(reply.fds[0]);
    if (fcntl(streams.in.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(O_NONBLOCK)", "attach");
  }
  if (!order.streams.in) streams.in.Reset();
  streams.out = std::move(out.ours);
  streams.err = std::move(err.ours);
  streams.cut_off = std::move(cut_off);
  streams.close_input_at_end =
      order.streams.in && container->config().stdin_once() && !container->config().tty();
  return streams;
}

void Runtime::CloseContainerInput(const std::string& container_id) {
  streams_.Post([this, container_id] {
    Result<ContainerPtr> container = pods_.FindContainer(container_id);
    if (!container) return;
    Result<std::shared_ptr<ShimLink>> link = LinkOf((*container)->sandbox());
    // A container that has ended meanwhile needs no end of its input.
    if (link)
      (void)(*link)->Call(ShimMessage::kCloseInput, Encode(CloseInput{container_id}), {},
                          OperationDeadline());
  });
}

}  // namespace davit
