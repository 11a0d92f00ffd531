// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What somebody may have meant by a word with a typing error.
#pragma once

#include <string>
#include <vector>

namespace davit {

// The nearest of `known`, by the number of letters to change, add, leave out or swap; empty if none is near.
std::string Nearest(const std::string& word, const std::vector<std::string>& known);

}  // namespace davit
