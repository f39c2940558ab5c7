// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title A Groth16 verifier over BN254 whose verifying key is data.
/// @dev A proof is accepted if e(A, B) e(−α, β) e(S, −γ) e(C, −δ) = 1, where S is IC₀ plus the sum of the other bases
/// times the public inputs. The key stands in the code of a contract of its own, behind a STOP byte, in the order in
/// which the constructor takes it: −α, β, −γ, −δ, IC₀, IC₁, …; of a coordinate in G2 the imaginary part first, as the
/// precompiles of EIP-197 have it.
abstract contract Groth16 {
    /// @dev The sum (x, y) over the inputs, (0, 0) for the identity, and behind it room for a term, as the precompiles
    /// of EIP-196 take them.
    struct Sum {
        uint256 x;
        uint256 y;
        uint256 baseX;
        uint256 baseY;
        uint256 factor;
    }

    /// @dev Order of the groups: every public input must be below it.
    uint256 internal constant SCALAR_MODULUS =
        21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @dev EIP-1108 asks 181,000 for four pairs. A proof that is not made of points burns no more than this.
    uint256 private constant PAIRING_GAS = 200_000;
    /// @dev EIP-1108 asks 150 for an addition.
    uint256 private constant ADDITION_GAS = 500;

    uint256 private constant G1_BYTES = 64;
    uint256 private constant G2_BYTES = 128;
    // Places in the key.
    uint256 private constant ALPHA = 0;
    uint256 private constant BETA = ALPHA + G1_BYTES;
    uint256 private constant GAMMA = BETA + G2_BYTES;
    uint256 private constant DELTA = GAMMA + G2_BYTES;
    uint256 private constant BASES = DELTA + G2_BYTES;

    address private immutable _key;

    error KeyLengthMismatch(uint256 length, uint256 expected);
    /// @param offset of the point in the key, in bytes.
    error InvalidKeyPoint(uint256 offset);
    error InputTooLarge(uint256 index);

    /// @param key the verifying key, without the STOP byte.
    /// @param inputs the number of public inputs.
    constructor(bytes memory key, uint256 inputs) {
        uint256 expected = BASES + G1_BYTES * (inputs + 1);
        if (key.length != expected) revert KeyLengthMismatch(key.length, expected);
        for (uint256 offset = BASES; offset < expected; offset += G1_BYTES) {
            _requireG1(key, offset);
        }
        _requireG1(key, ALPHA);
        _requireNotIdentity(key, ALPHA, G1_BYTES);
        for (uint256 offset = BETA; offset < BASES; offset += G2_BYTES) {
            _requireG2(key, offset);
            _requireNotIdentity(key, offset, G2_BYTES);
        }
        _key = _store(key);
    }

    /// @dev IC₀: the sum without any input.
    function _emptySum() internal view returns (Sum memory sum) {
        address key = _key;
        uint256 offset = 1 + BASES;
        assembly ("memory-safe") {
            extcodecopy(key, sum, offset, 64)
        }
    }

    /// @dev Adds the public input of an index times its base.
    function _add(Sum memory sum, uint256 index, uint256 input) internal view {
        if (input >= SCALAR_MODULUS) revert InputTooLarge(index);
        if (input == 0) return;
        address key = _key;
        uint256 offset = 1 + BASES + G1_BYTES * (index + 1);
        assembly ("memory-safe") {
            let base := add(sum, 64)
            extcodecopy(key, base, offset, 64)
            mstore(add(sum, 128), input)
            let done := staticcall(gas(), 7, base, 96, base, 64)
            done := and(staticcall(gas(), 6, sum, 128, sum, 64), done)
            // The constructor has checked the bases: only want of gas leads here.
            if iszero(done) { revert(0, 0) }
        }
    }

    /// @dev Whether a proof (A, B, C) holds for the sum over its inputs.
    function _isValid(Sum memory sum, uint256[8] calldata proof) internal view returns (bool accepted) {
        address key = _key;
        uint256 alphaBeta = 1 + ALPHA;
        uint256 gamma = 1 + GAMMA;
        uint256 delta = 1 + DELTA;
        assembly ("memory-safe") {
            let pairs := mload(64)
            calldatacopy(pairs, proof, 192)
            extcodecopy(key, add(pairs, 192), alphaBeta, 192)
            mstore(add(pairs, 384), mload(sum))
            mstore(add(pairs, 416), mload(add(sum, 32)))
            extcodecopy(key, add(pairs, 448), gamma, 128)
            calldatacopy(add(pairs, 576), add(proof, 192), 64)
            extcodecopy(key, add(pairs, 640), delta, 128)
            let done := staticcall(PAIRING_GAS, 8, pairs, 768, pairs, 32)
            accepted := and(done, eq(mload(pairs), 1))
        }
    }

    /// @dev EIP-196 adds points of the curve only, with coordinates below the field's modulus. Where there is no such
    /// precompile the call succeeds and returns nothing: there the contract cannot be deployed.
    function _requireG1(bytes memory key, uint256 offset) private view {
        bool added;
        assembly ("memory-safe") {
            let terms := mload(64)
            mstore(terms, mload(add(add(key, 32), offset)))
            mstore(add(terms, 32), mload(add(add(key, 64), offset)))
            mstore(add(terms, 64), 0)
            mstore(add(terms, 96), 0)
            added := staticcall(ADDITION_GAS, 6, terms, 128, terms, 64)
            added := and(added, eq(returndatasize(), 64))
        }
        if (!added) revert InvalidKeyPoint(offset);
    }

    /// @dev EIP-197 pairs points of the prime-order subgroup only; paired with the identity, each of them gives 1.
    function _requireG2(bytes memory key, uint256 offset) private view {
        bool paired;
        assembly ("memory-safe") {
            let pair := mload(64)
            mstore(pair, 0)
            mstore(add(pair, 32), 0)
            for { let i := 0 } lt(i, 128) { i := add(i, 32) } {
                mstore(add(add(pair, 64), i), mload(add(add(add(key, 32), offset), i)))
            }
            paired := staticcall(PAIRING_GAS, 8, pair, 192, pair, 32)
            paired := and(paired, and(eq(returndatasize(), 32), eq(mload(pair), 1)))
        }
        if (!paired) revert InvalidKeyPoint(offset);
    }

    /// @dev With one of these points the identity, proofs of anything could be made.
    function _requireNotIdentity(bytes memory key, uint256 offset, uint256 length) private pure {
        uint256 bits;
        assembly ("memory-safe") {
            let start := add(add(key, 32), offset)
            for { let i := 0 } lt(i, length) { i := add(i, 32) } { bits := or(bits, mload(add(start, i))) }
        }
        if (bits == 0) revert InvalidKeyPoint(offset);
    }

    /// @dev Deploys a contract whose code is a STOP byte and the key.
    function _store(bytes memory key) private returns (address stored) {
        // Ten bytes that return all that follows them: the STOP byte and the key.
        bytes memory creation = abi.encodePacked(hex"61", uint16(key.length + 1), hex"80600a3d393df300", key);
        assembly ("memory-safe") {
            stored := create(0, add(creation, 32), mload(creation))
        }
        // The creation does nothing that can fail but for want of gas.
        assert(stored != address(0));
    }
}
