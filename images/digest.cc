// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/digest.h"

#include <openssl/evp.h>

#include <algorithm>

namespace davit::images {
namespace {

constexpr std::string_view kSha256 = "sha256:";
constexpr std::string_view kSha512 = "sha512:";

bool IsHexOfLength(std::string_view text, size_t length) {
  return text.size() == length && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

bool IsDigest(std::string_view text) {
  if (text.starts_with(kSha256)) return IsHexOfLength(text.substr(kSha256.size()), 64);
  if (text.starts_with(kSha512)) return IsHexOfLength(text.substr(kSha512.size()), 128);
  return false;
}

void Hasher::Free::operator()(evp_md_ctx_st* context) const {
  EVP_MD_CTX_free(context);
}

Result<Hasher> Hasher::For(std::string_view digest) {
  bool long_form = digest.starts_with(kSha512);
  std::unique_ptr<evp_md_ctx_st, Free> context(EVP_MD_CTX_new());
  if (!context || EVP_DigestInit_ex(context.get(), long_form ? EVP_sha512() : EVP_sha256(), nullptr) != 1) {
    return Fail(Code::kInternal, "EVP_DigestInit_ex", digest.substr(0, digest.find(':')));
  }
  return Hasher(std::move(context), std::string(long_form ? kSha512 : kSha256));
}

void Hasher::Update(std::string_view data) {
  EVP_DigestUpdate(context_.get(), data.data(), data.size());
}

std::string Hasher::Finish() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_.get(), bytes, &size);
  std::string text = prefix_;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

Result<std::string> Sha256Of(std::string_view data) {
  Hasher hasher = TRY(Hasher::For({}));
  hasher.Update(data);
  return hasher.Finish();
}

Result<> VerifyDigest(std::string_view data, std::string_view expected, std::string_view name) {
  Hasher hasher = TRY(Hasher::For(expected));
  hasher.Update(data);
  std::string actual = hasher.Finish();
  if (actual == expected) return {};
  return Fail(Code::kDataLoss, "verify", name, "has digest " + actual + ", not " + std::string(expected));
}

Result<std::vector<std::string>> ChainIds(const std::vector<std::string>& diff_ids) {
  std::vector<std::string> chain_ids;
  for (const std::string& diff_id : diff_ids) {
    chain_ids.push_back(chain_ids.empty() ? diff_id : TRY(Sha256Of(chain_ids.back() + " " + diff_id)));
  }
  return chain_ids;
}

}  // namespace davit::images
