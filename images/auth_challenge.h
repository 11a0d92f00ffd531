// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The challenges of a 401 response (RFC 9110 section 11.6.1; distribution-spec's token flow uses the scheme
// Bearer).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace davit::images {

struct AuthChallenge {
  std::string scheme;                         // lower case: "bearer", "basic"
  std::map<std::string, std::string> params;  // names in lower case, values unquoted
};

// Parses all challenges of one WWW-Authenticate header. A part that cannot be parsed ends the list.
std::vector<AuthChallenge> ParseAuthChallenges(std::string_view header);

}  // namespace davit::images
