// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The dictionary with which both ends of a SPDY/3.1 connection begin their header compression (SPDY Protocol
// draft 3.1, section 2.6.10.1).
#pragma once

#include <string>

namespace davit::streaming {

const std::string& SpdyDictionary();

}  // namespace davit::streaming
