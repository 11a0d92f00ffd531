// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <fcntl.h>
#include <sys/eventfd.h>

#include <memory>

#include "base/duplicate.h"
#include "base/guarded.h"
#include "cri/runtime/execs.h"
#include "cri/runtime/stream_pipe.h"
#include "cri/runtime/stream_request.h"

namespace davit::cri {
namespace {

// How far a client may be behind the container's output before it is cut off, beside what its socket holds.
constexpr int kPipeBytes = 1 << 20;

// `output` has the ends that the client reads from.
Result<streaming::ProcessStreams> AttachedStreams(AttachedInput input, bool wants_input,
                                                  streaming::ProcessStreams output) {
  streaming::ProcessStreams streams;
  if (input.terminal) streams = TRY(TerminalStreams(std::move(input.terminal)));
  if (input.input) {
    streams.in = std::move(input.input);
    if (fcntl(streams.in.get(), F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(O_NONBLOCK)", "attach");
  }
  if (!wants_input) streams.in.Reset();
  streams.out = std::move(output.out);
  streams.err = std::move(output.err);
  streams.cut_off = std::move(output.cut_off);
  streams.close_input_at_end = output.close_input_at_end;
  return streams;
}

}  // namespace

Result<> RequireRunning(const Container& container, std::string_view step) {
  if (container.running()) return {};
  return Fail(Code::kFailedPrecondition, step, container.id(), "it is not running");
}

Result<streaming::ProcessStreams> TerminalStreams(UniqueFd controller) {
  streaming::ProcessStreams streams;
  streams.in = TRY(Duplicate(controller.get(), "terminal"));
  streams.out = TRY(Duplicate(controller.get(), "terminal"));
  streams.terminal = std::move(controller);
  return streams;
}

Result<streaming::AttachOrder> Execs::OrderAttach(const v1::AttachRequest& request) {
  streaming::StreamSet streams = TRY(StreamsOf(request));
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), Owner::kCri));
  TRY(RequireRunning(*container, "attach to container"));
  return streaming::AttachOrder{container->id(), streams};
}

void Execs::StreamAttach(const streaming::AttachOrder& order, OnStreams on_streams) {
  ports_.workers.Post([this, order, on_streams] {
    Result<> begun =
        Guarded("attach to container", order.container_id, [&] { return BeginAttach(order, on_streams); });
    if (!begun) on_streams(std::unexpected(std::move(begun).error()));
  });
}

Result<> Execs::BeginAttach(const streaming::AttachOrder& order, const OnStreams& on_streams) {
  ContainerPtr container = TRY(ports_.pods.FindContainer(order.container_id));
  ShimPtr shim = TRY(container->sandbox().LiveShim());
  // A client that only types must see the container's end, too: it is the end of its stdout.
  StreamPipe out = TRY(MakeStreamPipe(Direction::kFromProcess, kPipeBytes));
  StreamPipe err = TRY(MakeStreamPipe(Direction::kFromProcess, kPipeBytes));
  UniqueFd cut_off(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!cut_off) return SystemError("eventfd", "attach");
  StartFrame frame;
  frame.Add(shim::FdRole::kStdout, std::move(out.theirs));
  frame.Add(shim::FdRole::kStderr, std::move(err.theirs));
  frame.Add(shim::FdRole::kCutOff, TRY(Duplicate(cut_off.get(), "cut-off")));

  auto output = std::make_shared<streaming::ProcessStreams>();
  output->out = std::move(out.ours);
  output->err = std::move(err.ours);
  output->cut_off = std::move(cut_off);
  output->close_input_at_end =
      order.streams.in && container->config().stdin_once() && !container->config().tty();
  bool input = order.streams.in;
  shim->Attach(container->id(), {input, /*patient=*/false}, std::move(frame),
               [on_streams, output, input](Result<AttachedInput> attached) {
                 if (!attached) return on_streams(std::unexpected(std::move(attached).error()));
                 on_streams(AttachedStreams(std::move(*attached), input, std::move(*output)));
               });
  return {};
}

void Execs::CloseContainerInput(const std::string& container_id) {
  ports_.workers.Post([this, container_id] {
    Result<ContainerPtr> container = ports_.pods.FindContainer(container_id);
    if (!container) return;
    if (ShimPtr shim = (*container)->sandbox().shim()) shim->CloseInput(container_id);
  });
}

}  // namespace davit::cri
