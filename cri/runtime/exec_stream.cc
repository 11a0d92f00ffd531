// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <memory>

#include "base/guarded.h"
#include "base/rollback.h"
#include "cri/runtime/exec_prepare.h"
#include "cri/runtime/execs.h"
#include "cri/runtime/stream_pipe.h"
#include "cri/runtime/stream_request.h"

namespace davit::cri {
namespace {

constexpr int kPipeBytes = 256 << 10;

// Pipes for what the client asked for; the process finds /dev/null in place of the others.
Result<streaming::ProcessStreams> AddPipes(const streaming::StreamSet& wanted, StartFrame& frame) {
  streaming::ProcessStreams streams;
  struct Wanted {
    bool wanted;
    Direction direction;
    shim::FdRole role;
    UniqueFd& ours;
  };
  for (const Wanted& stream :
       {Wanted{wanted.in, Direction::kToProcess, shim::FdRole::kStdin, streams.in},
        Wanted{wanted.out, Direction::kFromProcess, shim::FdRole::kStdout, streams.out},
        Wanted{wanted.err, Direction::kFromProcess, shim::FdRole::kStderr, streams.err}}) {
    if (!stream.wanted) continue;
    StreamPipe pipe = TRY(MakeStreamPipe(stream.direction, kPipeBytes));
    stream.ours = std::move(pipe.ours);
    frame.Add(stream.role, std::move(pipe.theirs));
  }
  return streams;
}

}  // namespace

Result<streaming::ExecOrder> Execs::OrderExec(const v1::ExecRequest& request) {
  if (request.cmd().empty()) return Fail(Code::kInvalidArgument, "validate", "cmd", "it is empty");
  streaming::StreamSet streams = TRY(StreamsOf(request));
  ContainerPtr container = TRY(ports_.pods.FindContainer(request.container_id(), Owner::kCri));
  TRY(RequireRunning(*container, "exec in container"));
  return streaming::ExecOrder{container->id(), {request.cmd().begin(), request.cmd().end()}, streams};
}

void Execs::StreamExec(const streaming::ExecOrder& order, OnStreams on_streams, OnExit on_exit) {
  ports_.workers.Post([this, order, on_streams, on_exit] {
    Result<> begun = Guarded("exec in container", order.container_id,
                             [&] { return BeginExec(order, on_streams, on_exit); });
    if (!begun) on_streams(std::unexpected(std::move(begun).error()));
  });
}

Result<> Execs::BeginExec(const streaming::ExecOrder& order, const OnStreams& on_streams,
                          const OnExit& on_exit) {
  bool terminal = order.streams.terminal;
  ContainerPtr container = TRY(ports_.pods.FindContainer(order.container_id));
  PreparedExec exec = TRY(PrepareExec(ports_.confinement, container, order.command,
                                      terminal ? ExecTerminal::kOwn : ExecTerminal::kNone));
  auto streams = std::make_shared<streaming::ProcessStreams>();
  if (!terminal) *streams = TRY(AddPipes(order.streams, exec.launch.frame));

  // The exit may be reported before the start is.
  ExecTable& execs = exec.container->sandbox().execs();
  execs.Expect(exec.launch.exec_id, [on_exit](const std::optional<shim::ExecExited>& exited) {
    on_exit(exited ? std::optional(exited->exit_code) : std::nullopt);
  });
  Rollback rollback;
  rollback.Add([&execs, id = exec.launch.exec_id] { execs.Forget(id); });
  auto started = [terminal, streams, on_streams, pod = exec.container,
                  id = exec.launch.exec_id](Result<UniqueFd> controller) {
    if (controller && !terminal) return on_streams(std::move(*streams));
    if (controller && *controller) return on_streams(TerminalStreams(std::move(*controller)));
    pod->sandbox().execs().Forget(id);
    if (!controller) return on_streams(std::unexpected(std::move(controller).error()));
    on_streams(Fail(Code::kInternal, "exec in container", pod->id(), "the shim sent no terminal"));
  };
  exec.shim->StartExec(std::move(exec.launch), started);
  rollback.Dismiss();
  return {};
}

}  // namespace davit::cri
