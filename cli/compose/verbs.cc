// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/verbs.h"

namespace davit::cli {

Result<int> Perform(const Session& session, const compose::Options& options) {
  compose::Context context{session, options.project};
  return std::visit([&context](const auto& verb) { return compose::Do(context, verb); }, options.verb);
}

}  // namespace davit::cli
