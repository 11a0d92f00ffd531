// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/fault_proxy.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace davit::images {

FaultProxy::FaultProxy(const std::string& host, Rule rule)
    : upstream_(std::stoi(host.substr(host.find(':') + 1))),
      rule_(std::move(rule)),
      service_([this](const UniqueFd& client) { Pump(client); }) {}

// One connection. A client sends its next request only after the answer to the last one.
void FaultProxy::Pump(const UniqueFd& client) {
  UniqueFd server = ConnectToLoopback(upstream_);
  std::string head;
  Cut cut;
  int64_t answered = 0;
  std::vector<char> buffer(64 << 10);
  while (true) {
    pollfd entries[3] = {{client.get(), POLLIN, 0}, {server.get(), POLLIN, 0}, {service_.stop(), 0, 0}};
    if (poll(entries, 3, -1) < 0) continue;
    if (entries[2].revents != 0) return;
    if (entries[0].revents != 0) {
      ssize_t size = recv(client.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0 || !SendAll(server.get(), buffer.data(), static_cast<size_t>(size))) return;
      head.append(buffer.data(), static_cast<size_t>(size));
      if (head.find("\r\n\r\n") == std::string::npos) continue;
      cut = rule_(head);
      answered = 0;
      head.clear();
    }
    if (entries[1].revents == 0) continue;
    ssize_t size = recv(server.get(), buffer.data(), buffer.size(), 0);
    if (size <= 0) return;
    if (cut.after >= 0) size = static_cast<ssize_t>(std::min<int64_t>(size, cut.after - answered));
    answered += size;
    passed_on_ += size;
    if (!SendAll(client.get(), buffer.data(), static_cast<size_t>(size))) return;
    if (answered != cut.after) continue;
    ++cuts_;
    if (cut.reset) ResetOnClose(client.get());
    return;
  }
}

}  // namespace davit::images
