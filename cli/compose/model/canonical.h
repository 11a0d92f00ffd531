// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Compose files in one form: every value in its long form, every key known.
#pragma once

#include "cli/compose/model/rules.h"

namespace davit::cli::compose {

// `value` in its canonical form. Keys that begin with "x-", and those without an effect, are left out;
// unknown keys, keys that are not supported and values of a wrong form are problems, and left out as well.
// Tags stay.
Value Canonical(const Value& value, const Rule& rule, const Surroundings& around);

}  // namespace davit::cli::compose
