// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/confirm.h"

#include <unistd.h>

#include "cli/terminal.h"

namespace davit::cli {

Result<bool> Confirm(const Session& session, const std::string& verb, const std::string& warning) {
  const Console& console = session.console;
  if (isatty(console.in) == 0)
    return Fail(Code::kFailedPrecondition, "", verb, "nobody can be asked; use --force");
  TRY(console.Print(warning));
  std::string answer = TRY(AskAtTerminal(console.in, console.out, "Are you sure you want to continue? [y/N] ",
                                         Echo::kOn, session.interrupt));
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace davit::cli
