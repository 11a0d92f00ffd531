// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The verbs of `davit compose`, each in the file named after it. Each returns the exit status.
#pragma once

#include "cli/compose/model/project.h"
#include "cli/compose/options.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

// A verb's surroundings. The caller owns all parts.
struct Context {
  const Session& session;
  const ProjectOptions& options;
};

Result<int> Do(const Context& context, const Up& options);
Result<int> Do(const Context& context, const Down& options);
Result<int> Do(const Context& context, const Ps& options);
Result<int> Do(const Context& context, const Logs& options);
Result<int> Do(const Context& context, const Exec& options);
Result<int> Do(const Context& context, const Run& options);
Result<int> Do(const Context& context, const Pull& options);
Result<int> Do(const Context& context, const Push& options);
Result<int> Do(const Context& context, const Build& options);
Result<int> Do(const Context& context, const Change& options);
Result<int> Do(const Context& context, const Top& options);
Result<int> Do(const Context& context, const PortOf& options);
Result<int> Do(const Context& context, const Images& options);
Result<int> Do(const Context& context, const Config& options);
Result<int> Do(const Context& context, const Ls& options);

// `config` needs no daemon.
Result<int> PrintConfig(const Console& console, const ProjectOptions& project, const Config& options);

}  // namespace davit::cli::compose
