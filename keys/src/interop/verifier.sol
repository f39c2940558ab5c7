// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// Groth16 verifier over BN254 for the verifying key with SHA-256
/// {key}.
///
/// A proof is accepted if e(A, B) e(-alpha, beta) e(S, -gamma) e(C, -delta) = 1, where S is the
/// sum of the key's bases times the public inputs. The precompiles refuse coordinates that are not
/// below the field's modulus and points outside their groups; the inputs' range is checked here.
contract Groth16Verifier {
    /// Order of the groups: every public input must be below it.
    uint256 private constant R = {r};
    /// EIP-1108 asks 181,000 for four pairs. A proof that is not made of points burns no more.
    uint256 private constant PAIRING_GAS = 200000;

    function verifyProof(
        uint256[2] calldata a,
        uint256[2][2] calldata b,
        uint256[2] calldata c,
        uint256[{count}] calldata inputs
    ) external view returns (bool accepted) {
        assembly ("memory-safe") {
            // Adds scalar * (x, y) to the point at `sum`; 0 if the scalar is not below R.
            function term(sum, scalar, x, y) -> ok {
                ok := lt(scalar, R)
                if scalar {
                    mstore(add(sum, 64), x)
                    mstore(add(sum, 96), y)
                    mstore(add(sum, 128), scalar)
                    ok := and(ok, staticcall(gas(), 7, add(sum, 64), 96, add(sum, 64), 64))
                    ok := and(ok, staticcall(gas(), 6, sum, 128, sum, 64))
                }
            }

            let pairs := mload(64)
            let sum := add(pairs, 384)
            mstore(sum, {constant_0})
            mstore(add(sum, 32), {constant_1})
            let ok := 1{terms}

            // S is where the third pair begins; the terms' scratch space behind it is free again.
            calldatacopy(pairs, a, 64)
            calldatacopy(add(pairs, 64), b, 128)
            mstore(add(pairs, 192), {minus_alpha_0})
            mstore(add(pairs, 224), {minus_alpha_1})
            mstore(add(pairs, 256), {beta_0})
            mstore(add(pairs, 288), {beta_1})
            mstore(add(pairs, 320), {beta_2})
            mstore(add(pairs, 352), {beta_3})
            mstore(add(pairs, 448), {minus_gamma_0})
            mstore(add(pairs, 480), {minus_gamma_1})
            mstore(add(pairs, 512), {minus_gamma_2})
            mstore(add(pairs, 544), {minus_gamma_3})
            calldatacopy(add(pairs, 576), c, 64)
            mstore(add(pairs, 640), {minus_delta_0})
            mstore(add(pairs, 672), {minus_delta_1})
            mstore(add(pairs, 704), {minus_delta_2})
            mstore(add(pairs, 736), {minus_delta_3})
            ok := and(ok, staticcall(PAIRING_GAS, 8, pairs, 768, pairs, 32))
            accepted := and(ok, eq(mload(pairs), 1))
        }
    }
}
