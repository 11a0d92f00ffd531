// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// davit: a small command over the socket of davitd.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file_io.h"
#include "cli/command_line.h"
#include "cli/completion_verbs.h"
#include "cli/compose/verbs.h"
#include "cli/terminal/session_signals.h"

namespace {

using namespace davit::cli;  // NOLINT(google-build-using-namespace): this file is the command

davit::Result<int> Obey(const CommandLine& line, const Console& console) {
  if (const auto* build = std::get_if<BuildOptions>(&line.verb)) return CheckBuild(console, *build);
  if (const auto* completion = std::get_if<CompletionOptions>(&line.verb))
    return PrintCompletionScript(console, *completion);
  if (const auto* complete = std::get_if<CompleteOptions>(&line.verb))
    return PrintCandidates(console, line.address, *complete);
  if (const auto* options = std::get_if<compose::Options>(&line.verb))
    if (const auto* config = std::get_if<compose::Config>(&options->verb))
      return compose::PrintConfig(console, options->project, *config);
  if (HoldsSession(line.verb)) TRY(SessionSignals::Block());
  Interrupt interrupt = TRY(Interrupt::OfSignals());
  Daemon daemon = TRY(Daemon::Connect(line.address, interrupt));
  Session session{daemon, console, interrupt};
  return std::visit([&session](const auto& options) { return Perform(session, options); }, line.verb);
}

// A number that is free would be given to the next file that is opened, which the verbs would then read or
// write as a standard stream.
void OpenMissingStandardStreams() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd) abort();
  }
}

}  // namespace

int main(int argc, char** argv) {
  OpenMissingStandardStreams();
  signal(SIGPIPE,
         SIG_IGN);  // a reader that has left is an error like others, with pods to be cleaned up after
  auto line = ParseCommandLine(argc, argv);
  if (!line) {
    (void)davit::WriteAll(line.error().status == 0 ? STDOUT_FILENO : STDERR_FILENO, line.error().text,
                          "usage");
    return line.error().status;
  }
  Console console{.format = line->format};
  davit::Result<int> status = Obey(*line, console);
  if (status) return *status;
  console.Remark(status.error().ToString());
  return StatusOfFailure(line->verb, status.error());
}
