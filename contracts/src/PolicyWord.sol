// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title What the policy word says of each of the eight slots, as far as a verifier must know.
/// @dev The word holds 95 bits of flags and, from bit 96, the schema. A slot's flags are the claim's selector (5), the
/// connectors (2) and its operators, in this order: eq, neq, then in-set on a slot with the set, or compare, le and
/// relative on others, contains and excludes where there are masks, in-mask on the last.
library PolicyWord {
    uint256 internal constant SLOTS = 8;

    uint256 private constant LIMIT = 1 << 128;
    uint256 private constant UNUSED_BIT = 1 << 95;
    /// Of each slot, from the first: where its operators start, how many there are, and the width of its masks.
    bytes8 private constant OPERATORS = hex"07111d27353f4d57";
    bytes8 private constant OPERATOR_COUNT = hex"0305030703070308";
    bytes8 private constant MASK_BITS = hex"0000002800280040";

    uint256 private constant CONNECTOR_BITS = 2;
    uint256 private constant OR = 1 << 1;
    uint256 private constant EQ = 1;
    uint256 private constant COMPARE = 1 << 2;
    uint256 private constant MASKS = 7 << 5;
    /// Operands of comparisons are at most this far from 0.
    uint256 private constant COMPARE_LIMIT = 1 << 40;

    error InvalidPolicyWord(uint256 word);

    function requireValid(uint256 word) internal pure {
        if (word >= LIMIT || word & UNUSED_BIT != 0) revert InvalidPolicyWord(word);
    }

    /// @notice Whether the claim must equal the slot's operand: the slot asks for nothing else, and its clause has no
    /// alternative by which it could hold instead.
    function isDemandedEquality(uint256 word, uint256 slot) internal pure returns (bool) {
        if (_operators(word, slot) != EQ) return false;
        // To the start of the clause, and to its end.
        for (uint256 i = slot; i > 0 && _connectors(word, i) != 0; --i) {
            if (_connectors(word, i) & OR != 0) return false;
        }
        for (uint256 i = slot + 1; i < SLOTS && _connectors(word, i) != 0; ++i) {
            if (_connectors(word, i) & OR != 0) return false;
        }
        return _connectors(word, 0) & OR == 0;
    }

    /// @notice Whether the slot's test means what it says with this operand: see docs/statement.md, section 2.
    function isInRange(uint256 word, uint256 slot, uint256 operand, uint256 modulus) internal pure returns (bool) {
        if (operand >= modulus) return false;
        uint256 maskBits = uint8(MASK_BITS[slot]);
        uint256 operators = _operators(word, slot);
        // On a slot with the set the third operator is in-set.
        if (slot % 2 == 0) return true;
        if (operators & MASKS != 0) return operand >> maskBits == 0;
        if (operators & COMPARE != 0) return operand <= COMPARE_LIMIT || modulus - operand <= COMPARE_LIMIT;
        return true;
    }

    function _operators(uint256 word, uint256 slot) private pure returns (uint256) {
        return (word >> uint8(OPERATORS[slot])) & ((1 << uint8(OPERATOR_COUNT[slot])) - 1);
    }

    /// @dev 0 where a clause begins.
    function _connectors(uint256 word, uint256 slot) private pure returns (uint256) {
        return (word >> (uint8(OPERATORS[slot]) - CONNECTOR_BITS)) & ((1 << CONNECTOR_BITS) - 1);
    }
}
