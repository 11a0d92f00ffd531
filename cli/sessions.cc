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

Result<int> EndOfContainer(const Session& session, const SessionEnd& end, const AskContainer& ask) {
  if (end.how != SessionEnd::How::kStreamsEnded) return end.exit_code;
  std::optional<int> exit_code = TRY(AwaitExit(session, ask));
  return exit_code.value_or(kInterrupted);
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
