// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/sessions.h"

#include "cli/containers.h"

namespace davit::cli {

std::function<void(int)> SignalsTo(const Session& session, const std::string& id) {
  return [&session, id](int signo) {
    Result<> sent = KillContainer(session.daemon, id, signo);
    if (!sent) session.console.Remark("the signal was not passed on: " + sent.error().ToString());
  };
}

Result<int> StartAttached(const Session& session, const AttachedRun& run,
                          const std::function<Result<int>(const Error&)>& failed) {
  SessionChoice choice;
  choice.input = run.input;
  choice.detach_keys = run.tty ? TRY(ParseDetachKeys(run.detach_keys)) : "";
  if (run.sig_proxy) choice.signal = SignalsTo(session, run.id);
  SessionLink link = TRY(SessionLink::Open(session.daemon));
  api::StartContainerRequest request;
  request.set_container(run.id);
  request.set_token(link.token());
  request.set_stdin(run.input);
  *request.mutable_terminal() = TerminalSizeOf(session.console);
  auto started = session.daemon.Call(&OwnContainerStub::Start, request, CallMode::kShielded);
  if (!started) return failed(started.error());
  SessionEnd end = TRY(RunContainerSession(session, TRY(link.TakeStreams()), choice));
  if (end.how != SessionEnd::How::kStreamsEnded) return end.exit_code;
  return AwaitLocalEnd(session, run.id);
}

Result<int> AwaitLocalEnd(const Session& session, const std::string& id) {
  Result<int> ended = AwaitEnd(session.daemon, id, api::WaitContainerRequest::NOT_RUNNING);
  if (ended || ended.error().code != Code::kUnavailable) return ended;
  return AwaitExit(session, AskLocal(session.daemon, id, /*restarting_goes_on=*/false));
}

api::TerminalSize TerminalSizeOf(const Console& console) {
  api::TerminalSize size;
  std::optional<TerminalSize> window = WindowOf(console);
  if (!window) return size;
  size.set_rows(static_cast<uint32_t>(window->rows));
  size.set_columns(static_cast<uint32_t>(window->columns));
  return size;
}

}  // namespace davit::cli
