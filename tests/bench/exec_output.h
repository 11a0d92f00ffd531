// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A client that reads what an exec writes, as fast as it can, and keeps none of it.
#pragma once

#include <cstdint>
#include <string>

namespace davit::bench {

enum class ExecProtocol { kWebSocket, kSpdy };

// How many bytes of standard output came from an exec's URL until the server said goodbye. Throws when it
// does not speak the protocol.
uint64_t CountExecOutput(const std::string& url, ExecProtocol protocol);

}  // namespace davit::bench
