// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Sockets on loopback for the servers of tests.
#pragma once

#include "base/unique_fd.h"

namespace davit::images {

// Sets `port` to a free one. Throws std::runtime_error.
UniqueFd ListenOnLoopback(int& port);

// An invalid descriptor if nobody listens there.
UniqueFd ConnectToLoopback(int port);

// Waits until `fd` is readable; false if `stop` is closed at its other end first.
bool WaitReadable(int fd, int stop);

// Makes close(2) send a reset and discard what was not delivered yet (SO_LINGER, socket(7)).
void ResetOnClose(int fd);

// False if the peer has closed.
bool SendAll(int fd, const char* data, size_t size);

}  // namespace davit::images
