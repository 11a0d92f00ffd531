// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/attached_clients.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace davit::shim {

AttachedClients::~AttachedClients() {
  while (!clients_.empty()) Drop(clients_.back().get());
}

Result<> AttachedClients::Add(AttachedClient client) {
  if (!client.out && !client.err) return {};
  clients_.push_back(std::make_unique<Client>(std::move(client)));
  Client* added = clients_.back().get();
  for (Output output : {Output::kStdout, Output::kStderr}) {
    Result<> watched = added->PipeOf(output).end ? Watch(added, output) : Result<>();
    if (watched) continue;
    Drop(added);
    return watched;
  }
  return {};
}

// Watches only for the close of the read end, which epoll always reports, until something is kept.
Result<> AttachedClients::Watch(Client* client, Output output) {
  int pipe = client->PipeOf(output).end.get();
  if (fcntl(pipe, F_SETFL, O_NONBLOCK) < 0) return SystemError("fcntl(O_NONBLOCK)", "attached client");
  return loop_.Add(pipe, /*events=*/0,
                   [this, client, output](uint32_t events) { OnEvents(client, output, events); });
}

void AttachedClients::OnEvents(Client* client, Output output, uint32_t events) {
  bool stays = (events & EPOLLERR) == 0 && GiveRest(client->PipeOf(output));
  if (stays && !client->PipeOf(output).rest.empty()) return;
  if (!stays) Drop(client);
  for (Output each : {Output::kStdout, Output::kStderr}) {
    if (!IsBehind(each)) on_room_(each);
  }
}

void AttachedClients::Write(Output output, std::string_view data) {
  std::vector<const Client*> going;
  for (const auto& client : clients_) {
    if (!Give(*client, output, data)) going.push_back(client.get());
  }
  for (const Client* client : going) Drop(client);
}

bool AttachedClients::Give(Client& client, Output output, std::string_view data) {
  Pipe& pipe = client.PipeOf(output);
  if (!pipe.end) return true;
  if (!pipe.rest.empty()) return Keep(pipe, data);
  ssize_t n = TEMP_FAILURE_RETRY(write(pipe.end.get(), data.data(), data.size()));
  if (n == static_cast<ssize_t>(data.size())) return true;
  if (client.patient && (n >= 0 || errno == EAGAIN)) return Keep(pipe, data.substr(std::max<ssize_t>(n, 0)));
  CutOff(client);
  return false;
}

bool AttachedClients::Keep(Pipe& pipe, std::string_view data) {
  pipe.rest += data;
  return loop_.Modify(pipe.end.get(), EPOLLOUT).has_value();
}

bool AttachedClients::GiveRest(Pipe& pipe) {
  if (pipe.rest.empty()) return true;
  ssize_t n = TEMP_FAILURE_RETRY(write(pipe.end.get(), pipe.rest.data(), pipe.rest.size()));
  if (n < 0 && errno != EAGAIN) return false;
  pipe.rest.erase(0, static_cast<size_t>(std::max<ssize_t>(n, 0)));
  if (!pipe.rest.empty()) return true;
  std::string().swap(pipe.rest);
  return loop_.Modify(pipe.end.get(), /*events=*/0).has_value();
}

bool AttachedClients::IsBehind(Output output) const {
  return std::ranges::any_of(clients_, [output](const auto& c) { return !c->PipeOf(output).rest.empty(); });
}

void AttachedClients::End(Output output) {
  for (const auto& client : clients_) {
    Pipe& pipe = client->PipeOf(output);
    if (!pipe.rest.empty()) {
      int size = fcntl(pipe.end.get(), F_GETPIPE_SZ);
      fcntl(pipe.end.get(), F_SETPIPE_SZ, size + static_cast<int>(pipe.rest.size()));
      if (!GiveRest(pipe) || !pipe.rest.empty()) CutOff(*client);
    }
    Close(pipe);
  }
  std::erase_if(clients_, [](const auto& client) { return !client->out.end && !client->err.end; });
}

void AttachedClients::CutOff(const Client& client) {
  uint64_t one = 1;
  [[maybe_unused]] ssize_t told = write(client.cut_off.get(), &one, sizeof one);
}

void AttachedClients::Drop(const Client* client) {
  auto it = std::ranges::find(clients_, client, &std::unique_ptr<Client>::get);
  if (it == clients_.end()) return;
  Close((*it)->out);
  Close((*it)->err);
  clients_.erase(it);
}

void AttachedClients::Close(Pipe& pipe) {
  if (pipe.end) loop_.Remove(pipe.end.get());
  pipe.end.Reset();
}

}  // namespace davit::shim
