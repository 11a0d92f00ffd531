// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// One Compose file over another.
#pragma once

#include "cli/compose/model/rules.h"

namespace davit::cli::compose {

// `over` counts more than `base`; both are canonical, for the same rule. Maps are merged by key, and lists
// are joined: of items with the same identity the last one stays, at the place of the first. Commands and
// single values are replaced, and so is what has the tag !override; what has the tag !reset is removed.
Value Merge(Value base, const Value& over, const Rule& rule);

// Without tags, and without what they remove; lists without items of the same identity.
Value Settled(const Value& value, const Rule& rule);

}  // namespace davit::cli::compose
