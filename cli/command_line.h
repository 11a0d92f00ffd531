// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The arguments of `davit`.
#pragma once

#include <expected>
#include <string>

#include "cli/console.h"
#include "cli/verbs.h"

namespace davit::cli {

struct CommandLine {
  std::string address = "unix:///run/davit/davit.sock";
  OutputFormat format = OutputFormat::kTable;
  Verb verb;
};

// The exit status and text if there is no verb to perform: after --help, --version, or bad usage.
struct EarlyExit {
  int status = 0;
  std::string text;  // for standard output when status is 0, else for standard error
};

// $DAVIT_ADDRESS replaces the default of --address.
std::expected<CommandLine, EarlyExit> ParseCommandLine(int argc, const char* const* argv);

}  // namespace davit::cli
