// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/attached_clients.h"

#include <fcntl.h>

#include <algorithm>

namespace davit::shim {
namespace {

UniqueFd& PipeOf(AttachedClient& client, Output output) {
  return output == Output::kStdout ? client.out : client.err;
}

}  // namespace

AttachedClients::~AttachedClients() {
  while (!clients_.empty()) Drop(clients_.back().get());
}

Result<> AttachedClients::Add(AttachedClient client) {
  if (!client.out && !client.err) return {};
  clients_.push_back(std::make_unique<AttachedClient>(std::move(client)));
  const AttachedClient* added = clients_.back().get();
  for (int pipe : {added->out.get(), added->err.get()}) {
    Result<> watched = pipe >= 0 ? Watch(added, pipe) : Result<>();
    if (watched) continue;
    Drop(added);
    return watched;
  }
  return {};
}

// Watches only for the close of the read end; epoll always reports that.
Result<> AttachedClients::Watch(const AttachedClient* client, int pipe) {
  if (fcntl(pipe, F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(O_NONBLOCK)", "attached client");
  return loop_.Add(pipe, /*events=*/0, [this, client](uint32_t) { Drop(client); });
}

void AttachedClients::Write(Output output, std::string_view data) {
  std::vector<const AttachedClient*> going;
  for (const auto& client : clients_) {
    if (!Give(*client, output, data)) going.push_back(client.get());
  }
  for (const AttachedClient* client : going) Drop(client);
}

bool AttachedClients::Give(const AttachedClient& client, Output output, std::string_view data) const {
  int pipe = output == Output::kStdout ? client.out.get() : client.err.get();
  if (pipe < 0) return true;
  ssize_t n = TEMP_FAILURE_RETRY(write(pipe, data.data(), data.size()));
  if (n == static_cast<ssize_t>(data.size())) return true;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t told = write(client.cut_off.get(), &one, sizeof one);
  return false;
}

void AttachedClients::End(Output output) {
  for (const auto& client : clients_) Close(PipeOf(*client, output));
  std::erase_if(clients_, [](const auto& client) { return !client->out && !client->err; });
}

void AttachedClients::Drop(const AttachedClient* client) {
  auto it = std::ranges::find(clients_, client, &std::unique_ptr<AttachedClient>::get);
  if (it == clients_.end()) return;
  Close((*it)->out);
  Close((*it)->err);
  clients_.erase(it);
}

void AttachedClients::Close(UniqueFd& pipe) {
  if (pipe) loop_.Remove(pipe.get());
  pipe.Reset();
}

}  // namespace davit::shim
