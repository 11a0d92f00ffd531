// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/ids.h"
#include "cri/runtime/runtime.h"
#include "cri/runtime/stream_pipe.h"
#include "cri/runtime/stream_request.h"

namespace davit {
namespace {

constexpr int kPipeBytes = 256 << 10;

// Pipes for what the client asked for; the process finds /dev/null in place of the others.
Result<ProcessStreams> AddPipes(const StreamSet& wanted, StartFrame& frame) {
  ProcessStreams streams;
  struct Wanted {
    bool wanted;
    Direction direction;
    FdRole role;
    UniqueFd& ours;
  };
  for (const Wanted& stream : {Wanted{wanted.in, Direction::kToProcess, FdRole::kStdin, streams.in},
                               Wanted{wanted.out, Direction::kFromProcess, FdRole::kStdout, streams.out},
                               Wanted{wanted.err, Direction::kFromProcess, FdRole::kStderr, streams.err}}) {
    if (!stream.wanted) continue;
    StreamPipe pipe = TRY(MakeStreamPipe(stream.direction, kPipeBytes));
    stream.ours = std::move(pipe.ours);
    frame.Add(stream.role, std::move(pipe.theirs));
  }
  return streams;
}

}  // namespace

Result<ExecOrder> Runtime::OrderExec(const v1::ExecRequest& request) {
  if (request.cmd().empty()) return Fail(Code::kInvalidArgument, "validate", "cmd", "it is empty");
  StreamSet streams = TRY(StreamsOf(request));
  ContainerPtr container = TRY(pods_.FindContainer(request.container_id()));
  TRY(RequireRunning(*container, "exec in container"));
  return ExecOrder{container->id(), {request.cmd().begin(), request.cmd().end()}, streams};
}

void Runtime::StreamExec(const ExecOrder& order, OnStreams on_streams, OnExit on_exit) {
  streams_.Post([this, order, on_streams, on_exit] { on_streams(StartStreamedExec(order, on_exit)); });
}

Result<ProcessStreams> Runtime::StartStreamedExec(const ExecOrder& order, OnExit on_exit) {
  ContainerPtr container = TRY(pods_.FindContainer(order.container_id));
  bool terminal = order.streams.terminal;
  PreparedExec exec = TRY(PrepareExec(container, order.command, terminal ? Terminal::kOwn : Terminal::kNone));
  ProcessStreams streams;
  if (!terminal) streams = TRY(AddPipes(order.streams, exec.frame));

  std::string exec_id = TRY(NewId());
  ExecTable& execs = container->sandbox().execs();
  execs.Expect(exec_id, [on_exit](const std::optional<ExecExited>& exited) {
    on_exit(exited ? std::optional(exited->exit_code) : std::nullopt);
  });
  Result<Frame> started =
      exec.link->Call(ShimMessage::kExec, exec.Request(exec_id), exec.frame.fds(), OperationDeadline());
  if (!started) {
    execs.Forget(exec_id);
    return std::unexpected(std::move(started).error());
  }
  if (!terminal) return streams;
  if (started->fds.size() < 2) {
    return Fail(Code::kInternal, "exec in container", container->id(), "the shim sent no terminal");
  }
  return TerminalStreams(std::move(started->fds[1]));
}

}  // namespace davit
