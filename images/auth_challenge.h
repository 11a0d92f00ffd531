// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a server answers with 401 (RFC 9110 section 11.6.1; distribution-spec's token flow uses the scheme
// Bearer).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace davit {

struct AuthChallenge {
  std::string scheme;                         // lower case: "bearer", "basic"
  std::map<std::string, std::string> params;  // names in lower case, values unquoted
};

// All challenges of one WWW-Authenticate header. What cannot be read ends the list.
std::vector<AuthChallenge> ParseAuthChallenges(std::string_view header);

}  // namespace davit
