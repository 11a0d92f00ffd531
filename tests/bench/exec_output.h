// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A client that reads the output of an exec as fast as it can, and discards it.
#pragma once

#include <cstdint>
#include <string>

namespace davit::bench {

enum class ExecProtocol { kWebSocket, kSpdy };

// Returns how many bytes of standard output an exec's URL delivers until the server closes the stream. Throws
// if the server does not speak the protocol.
uint64_t CountExecOutput(const std::string& url, ExecProtocol protocol);

}  // namespace davit::bench
